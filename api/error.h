// SPDX-License-Identifier: Apache-2.0
//
// Errc, Error, Result<T>, value_or_throw: the one error type of the library.
//
//   if (auto stream = session.open(); !stream) log(to_string(stream.error()));
#pragma once

#include "io/error.h"
