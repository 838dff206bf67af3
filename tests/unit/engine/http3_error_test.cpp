// SPDX-License-Identifier: Apache-2.0
#include "engine/http3_error.h"

#include <gtest/gtest.h>

namespace quicore::http3 {
namespace {

TEST(Http3Error, HasTheNamesOfTheRfcs) {
  EXPECT_EQ(error_name(0x0100), "H3_NO_ERROR");
  EXPECT_EQ(error_name(kExcessiveLoad), "H3_EXCESSIVE_LOAD");
  EXPECT_EQ(error_name(kRequestRejected), "H3_REQUEST_REJECTED");
  EXPECT_EQ(error_name(kMessageError), "H3_MESSAGE_ERROR");
  EXPECT_EQ(error_name(0x0110), "H3_VERSION_FALLBACK");
  EXPECT_EQ(error_name(0x0200), "QPACK_DECOMPRESSION_FAILED");
  EXPECT_EQ(error_name(kQpackDecoderStreamError), "QPACK_DECODER_STREAM_ERROR");
}

TEST(Http3Error, HasNoNameForOtherCodes) {
  EXPECT_EQ(error_name(0), "");
  EXPECT_EQ(error_name(0x00ff), "");
  EXPECT_EQ(error_name(0x0111), "");
  EXPECT_EQ(error_name(0x01ff), "");
  EXPECT_EQ(error_name(0x0203), "");
  EXPECT_EQ(error_name(UINT64_MAX), "");
}

}  // namespace
}  // namespace quicore::http3
