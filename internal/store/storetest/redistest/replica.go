package redistest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// StartReplica runs a server that follows this one, and returns once it does.
// Otherwise it is as by [StartServer]. A server that is to be followed soon wants
// the arguments --repl-diskless-sync-delay 0.
func (s *Server) StartReplica(args ...string) *Server {
	s.t.Helper()
	replica := StartServer(s.t, append([]string{"--replicaof", "127.0.0.1", strconv.Itoa(s.port)}, args...)...)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), formTimeout)
	defer cancel()
	if err := settle(ctx, func(ctx context.Context) error { return follows(ctx, s, replica) }); err != nil {
		s.t.Fatalf("redistest: the replica does not connect: %v", err)
	}
	return replica
}

// follows reports whether a replica follows its master. That INFO calls it
// online is not enough: for up to a second longer it is sent nothing.
func follows(ctx context.Context, master, replica *Server) error {
	ahead, err := replication(ctx, master)
	if err != nil {
		return err
	}
	info, err := replication(ctx, replica)
	if err != nil {
		return err
	}
	if offset := ahead["master_repl_offset"]; offset == "0" || info["master_link_status"] != "up" || info["slave_repl_offset"] != offset {
		// Something to send that leaves no trace, for the next look.
		_, err := command(ctx, master.Addr(), "PUBLISH", "redistest", "")
		return errors.Join(err, fmt.Errorf("the master is at %s and %s says %v", offset, replica.Addr(), info))
	}
	return nil
}
