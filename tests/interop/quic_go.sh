# SPDX-License-Identifier: Apache-2.0
install_quic_go() { false; }
