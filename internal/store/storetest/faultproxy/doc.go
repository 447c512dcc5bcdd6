// Package faultproxy is a TCP proxy, inside the test, that stands between a
// client and a Redis server and breaks their connection at the worst moment.
//
// Its point is the reply lost after the server has applied the command: the
// client cannot tell whether it took effect, and whatever it does next had
// better be right either way. [Proxy.Arm] sets up one such loss, and the proxy
// follows the RESP framing closely enough to be sure of three things when it
// strikes: every reply due earlier on that connection has been delivered, the
// server has answered the request in full and without error, and of that answer
// the client has not seen a byte. Beyond that the proxy can hang ([Proxy.Hang]),
// refuse connections ([Proxy.Refuse]), reset them all ([Proxy.Sever]) and lead
// them over a bad line ([Proxy.Shape]). To hang is also what a network does that
// has come apart, as far as the connections can tell that there are; a dial is
// still accepted.
//
// A request, here, is a command or a pipelined batch of them. The proxy holds
// back an incomplete command until its end has arrived, and takes commands that
// arrived together as one request. A batch that TCP splits right between two
// commands counts as two: the later part is then one whose earlier replies are
// delivered first.
//
// The proxy is for tests of how a client copes, on connections that are used as
// request and reply. It passes on, but never strikes, those that subscribe or
// monitor, and cannot follow CLIENT REPLY OFF. It never reorders or corrupts
// anything. To end or suspend the server itself use package redistest.
package faultproxy
