// SPDX-License-Identifier: Apache-2.0
//
// Headers: the fields of HTTP/3 requests, responses, hints and trailers.
//
//   Headers fields{{":status", "200"}, {"content-type", "text/plain"}};
#pragma once

#include "engine/headers.h"
