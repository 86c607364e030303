# Language, warnings, sanitizers, and the helpers that every room uses to declare its targets.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

option(STROBE_TESTS "build the tests" ON)
option(STROBE_BENCH "build the benchmarks" OFF)
option(STROBE_FUZZ "build the libFuzzer targets (clang only)" OFF)
set(STROBE_SANITIZE "" CACHE STRING "sanitizers for every target, such as address,undefined or thread")

find_program(STROBE_CCACHE ccache)
if(STROBE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${STROBE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${STROBE_CCACHE})
endif()
find_program(STROBE_MOLD mold)
if(STROBE_MOLD)
  # mold 1.10 of Debian 12 rounds the read-only-after-relocation segment up beyond what is mapped where a program's data
  # end just so: such a program does not start ("cannot apply additional memory protection after relocation").
  add_link_options(-fuse-ld=mold -Wl,-z,norelro)
endif()

if(STROBE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-tsan)  # of Boost.Asio's fences, which the sanitizer does not see
endif()
if(STROBE_SANITIZE)
  add_compile_options(-fsanitize=${STROBE_SANITIZE} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${STROBE_SANITIZE})
endif()

add_library(strobe_warnings INTERFACE)
target_compile_options(strobe_warnings INTERFACE -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers)
target_include_directories(strobe_warnings INTERFACE ${PROJECT_SOURCE_DIR})

# strobe_library(name SOURCES ... LIBS ... [PRIVATE_LIBS ...]): a static library strobe_<name>, known as strobe::<name>.
function(strobe_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;PRIVATE_LIBS" ${ARGN})
  add_library(strobe_${name} STATIC ${ARG_SOURCES})
  add_library(strobe::${name} ALIAS strobe_${name})
  target_link_libraries(strobe_${name} PUBLIC ${ARG_LIBS} PRIVATE strobe_warnings ${ARG_PRIVATE_LIBS})
  target_include_directories(strobe_${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
endfunction()

# strobe_test(name SOURCES ... LIBS ...): a GoogleTest program test_<name>, one ctest entry a program.
function(strobe_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(test_${name} ${ARG_SOURCES})
  target_link_libraries(test_${name} PRIVATE strobe_warnings ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(test_${name} PRIVATE STROBE_SOURCE_DIR="${PROJECT_SOURCE_DIR}" STROBE_BINARY_DIR="${PROJECT_BINARY_DIR}")
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600)
endfunction()

# strobe_fuzzer(name SOURCES ... LIBS ...): a libFuzzer program fuzz_<name>, built only with STROBE_FUZZ.
function(strobe_fuzzer name)
  if(NOT STROBE_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(fuzz_${name} ${ARG_SOURCES})
  target_link_libraries(fuzz_${name} PRIVATE strobe_warnings ${ARG_LIBS})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()
