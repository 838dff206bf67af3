# SPDX-License-Identifier: Apache-2.0
#
# Language, warnings, sanitizers and link-time optimization, the same for every target.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# Not -Wconversion: arithmetic on header bytes promotes to int everywhere, and the casts would hide the code.
# Not -Wmissing-field-initializers: with designated initializers the rest takes its defaults, which is the idiom here.
# Not -Wrestrict: GCC 12 sees overlaps in std::string that are not there (GCC bug 105651).
add_library(quicore_warnings INTERFACE)
target_compile_options(quicore_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual
  -Wundef -Wredundant-decls -Wvla -Wno-missing-field-initializers -Wno-restrict $<$<BOOL:${QUICORE_WERROR}>:-Werror>)

if(QUICORE_DCHECK)
  add_compile_definitions(QUICORE_DCHECK=1)
endif()

if(QUICORE_SANITIZE)
  # A sanitizer sees allocations only through malloc: QUICORE_SANITIZED turns the shards' own heaps off.
  add_compile_definitions(QUICORE_SANITIZED=1)
  add_compile_options(-fsanitize=${QUICORE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${QUICORE_SANITIZE})
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  if(QUICORE_LTO)
    # Fat objects: an installed libquicore.a also links without -flto. One link at a time, it uses every core.
    add_compile_options(-flto=auto -ffat-lto-objects)
    add_link_options(-flto=auto)
    set(CMAKE_AR ${CMAKE_CXX_COMPILER_AR})
    set(CMAKE_RANLIB ${CMAKE_CXX_COMPILER_RANLIB})
    set_property(GLOBAL PROPERTY JOB_POOLS link=1)
    set(CMAKE_JOB_POOL_LINK link)
  else()
    # The third-party archives carry both forms; without this the linker plugin would choose the slow one.
    add_link_options(-fno-lto)
  endif()
  # cmake/profile_guided_build.sh sets these. Code that the training did not run is compiled for size, and placed apart.
  if(QUICORE_PROFILE_FLAGS)
    separate_arguments(profile_flags UNIX_COMMAND "${QUICORE_PROFILE_FLAGS}")
    add_compile_options(${profile_flags})
    add_link_options(${profile_flags})
  endif()
elseif(QUICORE_LTO)
  message(FATAL_ERROR "QUICORE_LTO needs g++: the archives of `make deps` carry GCC's intermediate form")
endif()
