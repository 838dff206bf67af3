// SPDX-License-Identifier: Apache-2.0
//
// EndpointConfig, SessionConfig, TransportParams, Resume: what endpoints and sessions are made of.
// The fields and their defaults stand in engine/config.h; those of `SessionConfig::secure` in
// engine/tls_settings.h.
#pragma once

#include "engine/config.h"
