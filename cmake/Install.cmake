# SPDX-License-Identifier: Apache-2.0
#
# Installs the library with the static libraries it needs, its public headers, the programs, a CMake package and a
# pkg-config file. The packages are relocatable: everything is found relative to the prefix.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS quicore quicore_engine quicore_io ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(CODE "set(from ${PROJECT_SOURCE_DIR})
              set(to \${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}/quicore)")
install(SCRIPT ${PROJECT_SOURCE_DIR}/cmake/InstallHeaders.cmake)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

get_property(programs GLOBAL PROPERTY QUICORE_PROGRAMS)
list(FILTER programs EXCLUDE REGEX "-demo$")  # works on this repository
if(programs)
  install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# What a user of the archives links after them, in order: bundled copies, or those of the system by their paths.
set(libraries)
foreach(name ngtcp2_crypto ngtcp2 nghttp3 wolfssl uring mimalloc)
  if(QUICORE_SYSTEM_DEPS)
    list(APPEND libraries ${QUICORE_${name}_LIBRARY})
  else()
    install(FILES ${QUICORE_${name}_LIBRARY} DESTINATION ${CMAKE_INSTALL_LIBDIR}/quicore)
    cmake_path(GET QUICORE_${name}_LIBRARY FILENAME file)
    list(APPEND libraries @libdir@/quicore/${file})
  endif()
endforeach()
if(NOT QUICORE_SYSTEM_DEPS)
  install(DIRECTORY ${QUICORE_DEPS_PREFIX}/licenses/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/third-party)
endif()
if(QUICORE_IPSEC_MB_INCLUDE AND QUICORE_IPSEC_MB_LIBRARY)
  list(APPEND libraries ${QUICORE_IPSEC_MB_LIBRARY})
endif()
list(JOIN libraries " " pkgconfig_libraries)
string(REPLACE "@libdir@" "\${libdir}" pkgconfig_libraries "${pkgconfig_libraries}")
string(REPLACE "@libdir@" "\${quicore_libdir}" package_libraries "${libraries}")
if(QUICORE_LTO)
  set(link_flag -flto=auto)
else()
  set(link_flag -fno-lto)
endif()

configure_file(cmake/quicore.pc.in quicore.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/quicore.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/quicore)
configure_package_config_file(cmake/quicoreConfig.cmake.in quicoreConfig.cmake INSTALL_DESTINATION ${package_dir}
                              PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(quicoreConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/quicoreConfig.cmake ${PROJECT_BINARY_DIR}/quicoreConfigVersion.cmake
        DESTINATION ${package_dir})
