// SPDX-License-Identifier: Apache-2.0
//
// Command-line options about who one is and whom one trusts: a certificate with its key, pre-shared
// keys, revocation lists, the server's preferred address.
//
// Secrets are read from files, while the command line is: `ps` shows that to everybody.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "api/tls.h"

namespace quicore::tools {

// A certificate and its key: --cert with --key, or --pfx.
struct IdentityOptions {
  std::string certificate;
  std::string key;
  std::string pfx;
  std::string passphrase;

  bool given() const noexcept { return !certificate.empty() || !pfx.empty(); }
};

// `whose` stands in the help, behind "certificate chain".
void add_identity(CLI::App& app, IdentityOptions& target, const std::string& whose = {});
// Refuses what does not go together.
void check_identity(const IdentityOptions& options);
// Puts it into `settings`, if it was given.
void apply_identity(const IdentityOptions& options, TlsSettings& settings);

using PskKeys = std::shared_ptr<const PskFunction>;

// --psk FILE: lines IDENTITY:HEX. A server knows all of them, a client shows the first.
CLI::Option* add_psk(CLI::App& app, PskKeys& target);

// --crl FILE
CLI::Option* add_crl(CLI::App& app, std::string& target);

// --preferred-address use|ignore, of a client.
CLI::Option* add_preferred_address_choice(CLI::App& app, bool& use);

}  // namespace quicore::tools
