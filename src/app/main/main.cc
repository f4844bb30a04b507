// The executable. Everything is in the library, where tests reach it.
#include <meridian/app/main.h>

int main(int argc, char** argv) {
  return meridian::app::Main(argc, argv);
}
