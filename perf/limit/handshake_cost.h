// SPDX-License-Identifier: Apache-2.0
//
// What the public-key operations of one full TLS 1.3 handshake cost each side, by wolfCrypt, which
// is what the engine's TLS calls: X25519 for the key exchange, ECDSA on P-256 for the certificate.
//
//   server: makes a key share, computes the shared secret, signs      (RFC 8446 4.2.8, 7.1, 4.4.3)
//   client: makes a key share, computes the shared secret, verifies
//
// A client that also verifies the certificate chain verifies once more for each certificate in it.
// Threading: works on the calling thread for about the given time.
#pragma once

#include "io/error.h"
#include "io/time.h"

namespace quicore::perf {

struct HandshakeCost {
  double server_ns = 0;
  double client_ns = 0;
};

// Errors: not_supported when the library was built without one of the two.
Result<HandshakeCost> measure_handshake(Duration duration);

}  // namespace quicore::perf
