# SPDX-License-Identifier: Apache-2.0
#
# How a folder becomes a target. A folder without sources becomes an empty interface library, or nothing.

# quicore_folder_library(NAME FOLDER [EXCLUDE regex]): a static library of the .cpp files in and below FOLDER.
function(quicore_folder_library name folder)
  cmake_parse_arguments(arg "" "EXCLUDE" "" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  if(arg_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${arg_EXCLUDE}")
  endif()
  if(sources)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PRIVATE quicore_warnings)
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${PROJECT_SOURCE_DIR})
  endif()
endfunction()

# quicore_link(NAME LIBRARY...): what NAME and everyone who links it need.
function(quicore_link name)
  get_target_property(type ${name} TYPE)
  if(type STREQUAL "INTERFACE_LIBRARY")
    target_link_libraries(${name} INTERFACE ${ARGN})
  else()
    target_link_libraries(${name} PUBLIC ${ARGN})
  endif()
endfunction()

# quicore_program(NAME SOURCES source... LINK library...)
function(quicore_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE quicore_warnings ${arg_LINK})
endfunction()

# quicore_subfolders(VARIABLE FOLDER): the names of the folders directly in FOLDER.
function(quicore_subfolders variable folder)
  file(GLOB entries LIST_DIRECTORIES true CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*)
  set(names)
  foreach(entry IN LISTS entries)
    if(IS_DIRECTORY ${folder}/${entry})
      list(APPEND names ${entry})
    endif()
  endforeach()
  set(${variable} ${names} PARENT_SCOPE)
endfunction()

# quicore_program_folders(FOLDER COMMON EXCLUDE name...): each FOLDER/NAME/ with a main.cpp is the program quicore-NAME;
# everything else in it is a library quicore_NAME, which tests and other programs can link. All of them link COMMON.
function(quicore_program_folders folder common)
  cmake_parse_arguments(arg "" "" "EXCLUDE" ${ARGN})
  quicore_subfolders(names ${folder})
  list(REMOVE_ITEM names ${arg_EXCLUDE})
  foreach(name IN LISTS names)
    quicore_folder_library(quicore_${name} ${folder}/${name} EXCLUDE "/main\\.cpp$")
    quicore_link(quicore_${name} ${common})
    set_property(GLOBAL APPEND PROPERTY QUICORE_PROGRAM_LIBRARIES quicore_${name})
    file(GLOB main CONFIGURE_DEPENDS ${folder}/${name}/main.cpp)
    if(main)
      quicore_program(quicore-${name} SOURCES ${main} LINK quicore_${name})
      set_property(GLOBAL APPEND PROPERTY QUICORE_PROGRAMS quicore-${name})
    endif()
  endforeach()
endfunction()
