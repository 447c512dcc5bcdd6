// Package local runs the end-to-end scenarios on processes of this machine:
// toolpit, redis-server and haproxy.
package local
