// Package load sends one small HTTP request over and over and measures what
// comes back.
//
// It is made to be cheap, since it shares the machine with what it measures:
// one thread, keep-alive connections watched with epoll, a request that was
// formatted beforehand, an answer of which only the status and the length are
// read. The loop is closed: each connection sends its next request when the
// answer to the last one is there, so a slow server is asked less often.
//
// It is not a general HTTP client: IPv4, one request at a time, answers with a
// Content-Length.
package load
