// What each fuzz_<name>.cc defines, and libFuzzer or replay.cc calls. An invariant that does not
// hold aborts (MERIDIAN_CHECK). Called from one thread; nothing is kept between calls, so that an
// input alone reproduces what it does.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
