// SPDX-License-Identifier: Apache-2.0
//
// KeyEngine: a private key that is not here, such as one of an HSM, a key service or another
// process. It signs, when it is asked, and may take its time.
//
//   config.secure.certificate = {Pem::file("cert.pem")};
//   config.secure.private_key_engine = make_key_engine(
//       [](SignatureRequest request) -> Task<Result<std::vector<std::byte>>> {
//         co_return co_await key_service_sign(request.algorithm, request.input);
//       });
//
// The function takes a SignatureRequest and gives the signature: std::vector<std::byte> or a Result
// of one, at once, or a Completion or Task of either. Or it returns nothing and somebody calls
// respond_with, perhaps much later: the request may be kept and copied.
// One that fails or throws ends the handshake: the peer sees internal_error, this side a `tls` error
// with the reason. One that never answers ends by SessionConfig::handshake_timeout; until then a
// handshake that waits holds its TLS session, and the limits on connections count it.
//
// Threading: it is called on the shard of the session, and answered there; answers of another thread
// come by Shard::post. A server of several shards calls the function on each of them, at once.
// Cost: an allocation per handshake; the handshake waits, the shard does not.
// Source: the specification's privateKey engine (SC26, SC27); decision 0012.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/completion.h"
#include "api/ref.h"
#include "api/task.h"
#include "engine/tls_settings.h"
#include "io/buf.h"
#include "io/error.h"

namespace quicore {

namespace internal {
class HandshakeGate;
}

// What a key that lives elsewhere is asked to sign; answered once.
class SignatureRequest {
 public:
  // Follows from the key of the certificate and from what the peer accepts.
  SignatureAlgorithm algorithm{};
  // What to sign. ECDSA and RSA-PSS: the digest, with the hash that `algorithm` names; as PKCS#11's
  // CKM_ECDSA and CKM_RSA_PKCS_PSS take it (salt as long as the digest, MGF1 with the same hash).
  // Ed25519: the whole message, some 130 bytes.
  std::vector<std::byte> input;
  std::string identifier;  // TlsSettings::private_key_identifier

  // Goes on with the signature: ECDSA's in DER, as Ecdsa-Sig-Value (RFC 3279 2.2.3), the others' as
  // they are. Fails with invalid_state the second time, closed.
  Result<> respond_with(Bytes signature) const;
  // Ends the handshake. Fails likewise.
  Result<> fail(Error reason) const;

 private:
  friend class internal::HandshakeGate;
  std::shared_ptr<internal::HandshakeGate> gate_;
};

// Who signs. Made by make_key_engine(), or a class of your own.
class KeyEngine {
 public:
  virtual ~KeyEngine() = default;
  // May throw, which counts as a failure.
  virtual void sign(SignatureRequest request) const = 0;
};

namespace internal {

inline void answer(const SignatureRequest& request, const Result<std::vector<std::byte>>& given) {
  if (given) {
    static_cast<void>(request.respond_with(*given));
  } else {
    static_cast<void>(request.fail(given.error()));
  }
}

// Waits for a function that answers by itself, or by what it returns.
template <class Later>
Task<> answer_later(SignatureRequest request, Later later) {
  try {
    if constexpr (std::is_same_v<Later, Task<void>>) {
      co_await later;
    } else {
      const Result<std::vector<std::byte>>& given = co_await later;
      answer(request, given);
    }
  } catch (...) {
    static_cast<void>(
        request.fail(Error::make(Errc::cancelled, "the function threw an exception")));
    throw;
  }
}

template <class F>
class KeyEngineOf final : public KeyEngine {
 public:
  explicit KeyEngineOf(F function) : function_(std::make_shared<const F>(std::move(function))) {}

  void sign(SignatureRequest request) const override {
    using Given = std::invoke_result_t<const F&, SignatureRequest>;
    if constexpr (std::is_void_v<Given>) {
      (*function_)(std::move(request));
    } else if constexpr (std::is_convertible_v<Given, Result<std::vector<std::byte>>>) {
      answer(request, (*function_)(request));
    } else {
      start_detached(answer_later(request, (*function_)(request)), keep());
    }
  }

 private:
  // Of the function, for as long as a coroutine of it runs.
  struct Kept final : Counted {
    std::shared_ptr<const F> function;
  };
  Ref<Counted> keep() const {
    auto* kept = new Kept;
    kept->function = function_;
    return Ref<Counted>(kept);
  }

  std::shared_ptr<const F> function_;
};

}  // namespace internal

// `function` is called as const. See above for what it may return.
template <class F>
requires std::invocable<const F&, SignatureRequest> std::shared_ptr<const KeyEngine>
make_key_engine(F function) {
  return std::make_shared<const internal::KeyEngineOf<F>>(std::move(function));
}

}  // namespace quicore
