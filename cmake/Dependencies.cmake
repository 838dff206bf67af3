# SPDX-License-Identifier: Apache-2.0
#
# Third-party libraries as targets deps::NAME. The five of `make deps` come from build/deps/prefix and nowhere else;
# with QUICORE_SYSTEM_DEPS=ON from CMAKE_PREFIX_PATH and the system (vcpkg, newer distributions).
# Imported targets are SYSTEM: their headers raise no warnings here.
set(QUICORE_DEPS_PREFIX ${PROJECT_SOURCE_DIR}/build/deps/prefix CACHE PATH "What `make deps` made")
set(where HINTS)
if(NOT QUICORE_SYSTEM_DEPS)
  if(NOT EXISTS ${QUICORE_DEPS_PREFIX}/recipe.sha256)
    message(FATAL_ERROR "The third-party libraries are not built yet: run `make deps` "
                        "(or configure with -DQUICORE_SYSTEM_DEPS=ON to use those of the system).")
  endif()
  set(where PATHS ${QUICORE_DEPS_PREFIX} NO_DEFAULT_PATH)
endif()

function(quicore_dependency name header library)  # further arguments: the targets it needs
  find_path(QUICORE_${name}_INCLUDE ${header} ${where} PATH_SUFFIXES include REQUIRED)
  find_library(QUICORE_${name}_LIBRARY ${library} ${where} PATH_SUFFIXES lib REQUIRED)
  mark_as_advanced(QUICORE_${name}_INCLUDE QUICORE_${name}_LIBRARY)
  add_library(deps::${name} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(deps::${name} PROPERTIES IMPORTED_LOCATION ${QUICORE_${name}_LIBRARY})
  target_include_directories(deps::${name} INTERFACE ${QUICORE_${name}_INCLUDE})
  target_link_libraries(deps::${name} INTERFACE ${ARGN})
endfunction()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
quicore_dependency(wolfssl wolfssl/ssl.h wolfssl m)
quicore_dependency(ngtcp2 ngtcp2/ngtcp2.h ngtcp2)
quicore_dependency(ngtcp2_crypto ngtcp2/ngtcp2_crypto_wolfssl.h ngtcp2_crypto_wolfssl deps::ngtcp2 deps::wolfssl)
quicore_dependency(nghttp3 nghttp3/nghttp3.h nghttp3)
quicore_dependency(uring liburing.h uring)
quicore_dependency(mimalloc mimalloc.h mimalloc Threads::Threads)

# The fastest packet protection, from the system; without it wolfCrypt seals the packets.
find_path(QUICORE_IPSEC_MB_INCLUDE intel-ipsec-mb.h)
find_library(QUICORE_IPSEC_MB_LIBRARY IPSec_MB)
mark_as_advanced(QUICORE_IPSEC_MB_INCLUDE QUICORE_IPSEC_MB_LIBRARY)
add_library(quicore_ipsec_mb INTERFACE)
if(QUICORE_IPSEC_MB_INCLUDE AND QUICORE_IPSEC_MB_LIBRARY)
  target_compile_definitions(quicore_ipsec_mb INTERFACE QUICORE_HAVE_IPSEC_MB=1)
  target_include_directories(quicore_ipsec_mb SYSTEM INTERFACE ${QUICORE_IPSEC_MB_INCLUDE})
  target_link_libraries(quicore_ipsec_mb INTERFACE ${QUICORE_IPSEC_MB_LIBRARY})
endif()

if(QUICORE_TOOLS)
  find_package(CLI11 REQUIRED)
  find_package(nlohmann_json REQUIRED)
  find_package(benchmark REQUIRED)
endif()
if(QUICORE_TESTS)
  find_package(GTest REQUIRED)
endif()
