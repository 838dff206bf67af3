// SPDX-License-Identifier: Apache-2.0
//
// EndpointStats, SessionStats, StreamStats: snapshots given by the stats() of each object.
#pragma once

#include "engine/stats.h"
