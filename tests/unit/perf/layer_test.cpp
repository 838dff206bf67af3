// SPDX-License-Identifier: Apache-2.0
#include "perf/compare/layer.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace quicore::perf {
namespace {

TEST(Layer, SamplesAreReadLineByLine) {
  const auto samples = parse_samples(
      "[001]  ffffffff81b6c5e0 _copy_from_iter ([kernel.kallsyms])\n"
      "[000]      56021b3566bd conn_write_pkt.lto_priv.0 (/opt/bin/quicore-server)\n"
      "[000]      56021b345962 quicore::engine::(anonymous namespace)::seal<int> (/opt/a/s)\n"
      "[000]      7f46c578ba0b [unknown] (/usr/lib/libc.so.6)\n"
      "a line that is none\n");
  ASSERT_EQ(samples.size(), 4u);
  EXPECT_EQ(samples[0].cpu, 1);
  EXPECT_EQ(samples[0].symbol, "_copy_from_iter");
  EXPECT_EQ(samples[0].object, "[kernel.kallsyms]");
  EXPECT_EQ(samples[1].symbol, "conn_write_pkt");
  EXPECT_EQ(samples[2].symbol, "quicore::engine::(anonymous namespace)::seal<int>");
  EXPECT_EQ(samples[3].symbol, "[unknown]");
}

TEST(Layer, SymbolsAreReadLineByLine) {
  const auto symbols = parse_symbols(
      "000000000029e09e N \n"
      "0000000000130c00 t conn_recv_ack.lto_priv.0\n"
      "00000000002827f1 T main\n");
  ASSERT_EQ(symbols.size(), 2u);  // one of them has no name
  EXPECT_EQ(symbols[0].first, "0000000000130c00");
  EXPECT_EQ(symbols[0].second, "conn_recv_ack");
  EXPECT_EQ(symbols[1].second, "main");
}

std::string layer(const std::string& symbol, const std::string& object = "/opt/bin/quicore-server",
                  const std::string& source = "") {
  return layer_of({.cpu = 0, .symbol = symbol, .object = object}, source);
}

TEST(Layer, IsKnownByTheNameTheLibraryOrTheSourceFile) {
  EXPECT_EQ(layer("quicore::io::UringPort::wait"), "io");
  EXPECT_EQ(layer("quicore::engine::Shard::turn"), "engine");
  EXPECT_EQ(layer("quicore::internal::StreamState::on_stream_closed"), "api");
  EXPECT_EQ(layer("quicore::tools::serve"), "program");
  EXPECT_EQ(layer("ngtcp2_ksl_insert"), "QUIC (ngtcp2)");
  EXPECT_EQ(layer("conn_write_pkt", "/opt/bin/quicore-server", "/src/ngtcp2/lib/ngtcp2_conn.c:9"),
            "QUIC (ngtcp2)");
  EXPECT_EQ(layer("conn_write_pkt", "/opt/bin/quicore-server", "/src/nghttp3/lib/nghttp3_conn.c:9"),
            "HTTP/3 (nghttp3)");
  EXPECT_EQ(layer("conn_write_pkt"), "other");
  EXPECT_EQ(layer("aes_gcm_enc_128_vaes_avx512", "/usr/lib/libIPSec_MB.so.1.3.0"), "AEAD");
  EXPECT_EQ(layer("quicore::engine::vaes::(anonymous namespace)::seal<10>"), "AEAD");
  EXPECT_EQ(layer("quicore::engine::aesni::(anonymous namespace)::seal<10>"), "AEAD");
  EXPECT_EQ(layer("quicore::engine::gcm::header_mask<10>"), "AEAD");
  EXPECT_EQ(layer("__memmove_avx512_unaligned_erms", "/usr/lib/libc.so.6"),
            "C and C++ libraries: memmove and others");
  EXPECT_EQ(layer("_copy_from_iter", "[kernel.kallsyms]"), "kernel: copying payload");
  EXPECT_EQ(layer("pv_native_safe_halt", "[kernel.kallsyms]"), "idle");
  EXPECT_EQ(layer("ip_output", "[kernel.kallsyms]"), "kernel: sockets, waking, the rest");
}

TEST(Layer, EveryAnswerIsOneOfTheList) {
  const auto& all = all_layers();
  const auto listed = [&all](const std::string& name) {
    return std::ranges::count(all, name) == 1;
  };
  for (const auto& [name, ns] : limit_layers(1, 2)) EXPECT_TRUE(listed(name)) << name;
  for (const std::string symbol : {"quicore::io::a", "quicore::b", "wc_c", "mi_d", "nothing"}) {
    EXPECT_TRUE(listed(layer(symbol))) << symbol;
  }
}

}  // namespace
}  // namespace quicore::perf
