// SPDX-License-Identifier: Apache-2.0
//
// The programs' options about who one is and whom one trusts, and about where a server would rather
// be: quicore-get and quicore-load against quicore-server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/pki.h"
#include "tests/tools/programs.h"

namespace quicore::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// ca.pem; server.pem and server.key, client.pem and client.key, gone.pem and gone.key (revoked by
// list.pem), client.pfx and secret.key (both under the passphrase of "words"), good.der and
// gone.der (OCSP responses about the server, or about gone.pem).
class Identities : public testing::Test {
 protected:
  Identities() {
    static Files files;
    for (const auto& [name, content] : files.all) directory.write(name, content);
  }

  struct Files {
    std::vector<std::pair<std::string, std::string>> all;
    Files() {
      Pki pki;
      const auto server = pki.issue("server");
      const auto client = pki.issue("client");
      const auto gone = pki.issue("gone");
      pki.revoke(gone);
      all = {{"ca.pem", pki.ca_pem()},
             {"server.pem", server.certificate_pem + pki.ca_pem()},
             {"server.key", server.key_pem},
             {"client.pem", client.certificate_pem},
             {"client.key", client.key_pem},
             {"gone.pem", gone.certificate_pem + pki.ca_pem()},
             {"gone.key", gone.key_pem},
             {"list.pem", pki.crl_pem()},
             {"good.der", pki.ocsp_response(server)},
             {"gone.der", pki.ocsp_response(gone)},
             {"client.pfx", pki.pfx(client, "sesame")},
             {"secret.key", pki.encrypted_key(client, "sesame")},
             {"words", "sesame\nand nothing else\n"},
             {"keys",
              "# comments are left out\n\nalice:00112233445566778899AABBCCDDEEFF\n"
              "bob:ffeeddccbbaa99887766554433221100\n"},
             {"bob", "bob:ffeeddccbbaa99887766554433221100\n"},
             {"mallory", "mallory:ffeeddccbbaa99887766554433221100\n"}};
    }
  };

  void serve(std::vector<std::string> options) { server.emplace(directory, std::move(options)); }
  Ended get(std::vector<std::string> options) {
    options.insert(options.begin(), {"quicore-get", "--json", "--output", "copy"});
    options.push_back(server->url("/page.html"));
    return directory.run(options);
  }
  // The answer that quicore-get reports; the test fails when there is none.
  json answer(std::vector<std::string> options) {
    const Ended ended = get(std::move(options));
    EXPECT_EQ(ended.status, 0) << ended.errors;
    const json all = json::parse(ended.output, nullptr, false);
    return all.is_array() && !all.empty() ? all.front() : json::object();
  }

  const std::vector<std::string> kTrust{"--ca", "ca.pem"};
  const std::vector<std::string> kServer{"--cert", "server.pem", "--key", "server.key"};
  static std::vector<std::string> join(std::vector<std::string> one,
                                       const std::vector<std::string>& other) {
    one.insert(one.end(), other.begin(), other.end());
    return one;
  }

  const WorkingDirectory directory;
  std::optional<RunningServer> server;
};

TEST_F(Identities, AServerDemandsCertificatesOfClients) {
  serve(join(kServer, {"--client-ca", "ca.pem"}));
  EXPECT_EQ(answer(join(kTrust, {"--cert", "client.pem", "--key", "client.key"}))["status"], "200");
  const Ended without = get(kTrust);
  EXPECT_NE(without.status, 0);
  EXPECT_THAT(without.output + without.errors, HasSubstr("certificate"));
  const Ended stranger = get(join(kTrust, {"--cert", "stranger.pem", "--key", "other.pem"}));
  EXPECT_NE(stranger.status, 0);
}

TEST_F(Identities, AServerThatRequestsServesThoseWithoutAsWell) {
  serve(join(kServer, {"--client-ca", "ca.pem", "--client-cert", "request"}));
  EXPECT_EQ(answer(kTrust)["status"], "200");
  EXPECT_EQ(answer(join(kTrust, {"--cert", "client.pem", "--key", "client.key"}))["status"], "200");
}

TEST_F(Identities, KeysMayBeEncryptedOrInPkcs12) {
  serve(join(kServer, {"--client-ca", "ca.pem"}));
  EXPECT_EQ(answer(join(kTrust, {"--cert", "client.pem", "--key", "secret.key", "--passphrase-file",
                                 "words"}))["status"],
            "200");
  EXPECT_EQ(answer(join(kTrust, {"--pfx", "client.pfx", "--passphrase-file", "words"}))["status"],
            "200");
  const Ended closed = get(join(kTrust, {"--pfx", "client.pfx"}));
  EXPECT_EQ(closed.status, 2);
  EXPECT_THAT(closed.errors, HasSubstr("pfx: `passphrase` does not open it"));
  const Ended load = directory.run({"quicore-load", "--quiet", "--ca", "ca.pem", "--pfx",
                                    "client.pfx", "--passphrase-file", "words", "--requests", "5",
                                    "--warmup", "0", "--check", server->url("/")});
  EXPECT_EQ(load.status, 0) << load.errors << load.output;
}

TEST_F(Identities, AServerMayHaveItsOwnInPkcs12) {
  serve({"--pfx", "client.pfx", "--passphrase-file", "words"});
  EXPECT_EQ(answer(kTrust)["status"], "200");
}

TEST_F(Identities, RevokedCertificatesAreRefusedOnBothSides) {
  serve(join(kServer, {"--client-ca", "ca.pem", "--crl", "list.pem"}));
  EXPECT_EQ(answer(join(kTrust, {"--cert", "client.pem", "--key", "client.key"}))["status"], "200");
  EXPECT_NE(get(join(kTrust, {"--cert", "gone.pem", "--key", "gone.key"})).status, 0);
  serve({"--cert", "gone.pem", "--key", "gone.key"});
  EXPECT_EQ(answer(kTrust)["status"], "200") << "nobody looked";
  const Ended looked = get(join(kTrust, {"--crl", "list.pem"}));
  EXPECT_EQ(looked.status, 3);
  EXPECT_THAT(looked.errors, HasSubstr("CERT_REVOKED"));
}

TEST_F(Identities, PreSharedKeysTakeThePlaceOfCertificates) {
  serve({"--psk", "keys"});
  EXPECT_EQ(answer({"--psk", "keys"})["status"], "200");
  EXPECT_EQ(answer({"--psk", "bob"})["status"], "200");
  EXPECT_EQ(get({"--psk", "mallory"}).status, 3);
  const Ended load = directory.run({"quicore-load", "--quiet", "--psk", "bob", "--requests", "5",
                                    "--warmup", "0", "--check", server->url("/")});
  EXPECT_EQ(load.status, 0) << load.errors << load.output;
}

TEST_F(Identities, TheStatusOfTheCertificateIsStapled) {
  serve(join(kServer, {"--ocsp", "good.der"}));
  EXPECT_EQ(answer(join(kTrust, {"--ocsp", "require"}))["ocsp"], "stapled");
  EXPECT_EQ(answer(kTrust)["ocsp"], "") << "not asked for";
  serve(kServer);
  EXPECT_EQ(answer(join(kTrust, {"--ocsp", "show"}))["ocsp"], "none");
  EXPECT_EQ(get(join(kTrust, {"--ocsp", "require"})).status, 3);
  serve({"--cert", "gone.pem", "--key", "gone.key", "--ocsp", "gone.der"});
  EXPECT_EQ(get(join(kTrust, {"--ocsp", "show"})).status, 3) << "revoked";
}

TEST_F(Identities, ClientsMoveToThePreferredAddressUnlessToldNotTo) {
  // The port that the kernel chose for another socket a moment ago: an address has to be told before
  // the server is there.
  const std::string port = std::to_string(UdpSocket().port());
  const std::string there = "127.0.0.2:" + port;
  serve(join(kServer, {"--listen", "0.0.0.0:" + port, "--preferred-address", there}));
  // Long enough for the new path to be validated in the middle of it.
  const auto fetch = [&](const char* strategy) {
    const Ended ended = directory.run(
        {"quicore-get", "--json", "--ca", "ca.pem", "--output", "copy", "--preferred-address",
         strategy, "https://127.0.0.1:" + std::to_string(server->port()) + "/bytes/50000000"});
    EXPECT_EQ(ended.status, 0) << ended.errors;
    const json all = json::parse(ended.output, nullptr, false);
    return all.is_array() && !all.empty() ? all.front().value("remote", "") : std::string();
  };
  EXPECT_EQ(fetch("use"), there);
  EXPECT_EQ(fetch("ignore"), "127.0.0.1:" + std::to_string(server->port()));
}

}  // namespace
}  // namespace quicore::test
