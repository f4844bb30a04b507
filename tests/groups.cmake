# Read by ctest, with name, binary, prefix, labels and environment set: each suite (fixture) of a test program is one
# test of ctest, so that the program starts once for each suite, not for each of its tests. Under sanitizers starting
# takes longer than most tests do.
if(NOT EXISTS "${binary}")
  add_test("${prefix}${name}_NOT_BUILT" "${name}_NOT_BUILT")
  return()
endif()
execute_process(COMMAND "${binary}" --gtest_list_tests OUTPUT_VARIABLE listed RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${binary} --gtest_list_tests ends with ${status}")
endif()
string(REGEX MATCHALL "(^|\n)[A-Za-z0-9_/]+\\." suites "${listed}")
foreach(suite IN LISTS suites)
  string(REGEX REPLACE "[\n.]" "" suite "${suite}")
  add_test("${prefix}${name}/${suite}" "${binary}" "--gtest_filter=${suite}.*")
  set_tests_properties("${prefix}${name}/${suite}" PROPERTIES LABELS "${labels}" TIMEOUT 1200 ENVIRONMENT "${environment}")
endforeach()
