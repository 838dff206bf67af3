// SPDX-License-Identifier: Apache-2.0
//
// quicore: QUIC and HTTP/3 for Linux services. Everything a user needs, in one include.
#pragma once

#include "api/body.h"
#include "api/buffer.h"
#include "api/capsule.h"
#include "api/completion.h"
#include "api/config.h"
#include "api/endpoint.h"
#include "api/error.h"
#include "api/handlers.h"
#include "api/handshake_pause.h"
#include "api/headers.h"
#include "api/key_engine.h"
#include "api/qlog.h"
#include "api/runtime.h"
#include "api/session.h"
#include "api/shard.h"
#include "api/stats.h"
#include "api/stream.h"
#include "api/task.h"
#include "api/tls.h"
#include "api/wait.h"
