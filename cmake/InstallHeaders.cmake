# SPDX-License-Identifier: Apache-2.0
#
# Copies the public headers from the folder `from` (the repository) to the folder `to`. A header is public when
# quicore.h reaches it: the rest of io/, engine/ and api/ stays private without anyone keeping a list.
cmake_minimum_required(VERSION 3.25)
file(GLOB queue ${from}/api/include/*.h)
set(public ${queue})
while(queue)
  list(POP_FRONT queue header)
  file(STRINGS ${header} includes REGEX "^[ \t]*#[ \t]*include[ \t]+\"")
  foreach(line IN LISTS includes)
    string(REGEX REPLACE "^[^\"]*\"([^\"]+)\".*" "${from}/\\1" included "${line}")
    if(NOT included IN_LIST public)
      list(APPEND public ${included})
      list(APPEND queue ${included})
    endif()
  endforeach()
endwhile()

foreach(header IN LISTS public)
  cmake_path(RELATIVE_PATH header BASE_DIRECTORY ${from} OUTPUT_VARIABLE name)
  string(REGEX REPLACE "^api/include/" "" name ${name})
  cmake_path(GET name PARENT_PATH folder)
  file(INSTALL ${header} DESTINATION ${to}/${folder})
endforeach()
