package faultproxy

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// minimal is the smallest buffer there is, so that frames exceed it.
const minimal = 16

func TestReadRequest(t *testing.T) {
	t.Parallel()
	large := "$100\r\n" + strings.Repeat("*1\r\n", 25) + "\r\n"
	for _, tc := range []struct {
		name, in string
		names    []string
		err      error
	}{
		{"end", "", nil, io.EOF},
		{"command", "*2\r\n$4\r\nEval\r\n$0\r\n\r\n", []string{"eval"}, nil},
		{"batch", "*1\r\n$3\r\nGET\r\n*1\r\n$3\r\nSET\r\n", []string{"get", "set"}, nil},
		{"large argument", "*2\r\n$3\r\nSET\r\n" + large + "*1\r\n$3\r\nGET\r\n", []string{"set", "get"}, nil},
		{"inline", "ping  x\r\n\r\nECHO\n", []string{"ping", "echo"}, nil},
		{"empty", "*0\r\n*-1\r\n", nil, nil},
		{"end in line", "*1\r", nil, io.ErrUnexpectedEOF},
		{"end before argument", "*1\r\n", nil, io.ErrUnexpectedEOF},
		{"end before string", "*1\r\n$3\r\n", nil, io.ErrUnexpectedEOF},
		{"end in string", "*1\r\n$3\r\nGE", nil, io.ErrUnexpectedEOF},
		{"end in batch", "*1\r\n$3\r\nGET\r\n*1\r\n", nil, io.ErrUnexpectedEOF},
		{"no count", "*x\r\n", nil, errProtocol},
		{"no length", "*1\r\n$\r\n", nil, errProtocol},
		{"huge count", "*1048577\r\n", nil, errProtocol},
		{"huge length", "*1\r\n$536870913\r\n", nil, errProtocol},
		{"negative length", "*1\r\n$-2\r\n", nil, errProtocol},
		{"no string", "*1\r\n:1\r\n", nil, errProtocol},
		{"long string", "*1\r\n$3\r\nGETS\r\n", nil, errProtocol},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			raw, _, err := readRequest(bufio.NewReaderSize(strings.NewReader(tc.in), minimal))
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			// The buffer, being this small, may have ended between two commands.
			if err == nil && !strings.HasPrefix(tc.in, string(raw)) {
				t.Errorf("raw = %q of %q", raw, tc.in)
			}
			raw, names, err := readRequest(bufio.NewReader(strings.NewReader(tc.in)))
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if diff := cmp.Diff(tc.names, names); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
			if err == nil && string(raw) != tc.in {
				t.Errorf("raw = %q, want %q", raw, tc.in)
			}
		})
	}
}

func TestReadReply(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		kind byte
		err  error
	}{
		{"", 0, io.EOF},
		{"+OK\r\n", '+', nil},
		{"-ERR no\r\n", '-', nil},
		{":-12\r\n", ':', nil},
		{"_\r\n", '_', nil},
		{"#t\r\n", '#', nil},
		{",1.5\r\n", ',', nil},
		{"(123456789012345678901234567890\r\n", '(', nil},
		{"$2\r\n\r\n\r\n", '$', nil},
		{"$-1\r\n", '$', nil},
		{"!5\r\nERR x\r\n", '!', nil},
		{"=7\r\ntxt:abc\r\n", '=', nil},
		{"*0\r\n", '*', nil},
		{"*-1\r\n", '*', nil},
		{"*2\r\n*1\r\n:1\r\n$40\r\n" + strings.Repeat("0123456789", 4) + "\r\n", '*', nil},
		{"~1\r\n-ERR\r\n", '~', nil},
		{"%1\r\n+k\r\n%1\r\n+k\r\n+v\r\n", '%', nil},
		{">2\r\n+message\r\n+x\r\n", pushKind, nil},
		{"|1\r\n+ttl\r\n:1\r\n-ERR x\r\n", '-', nil},
		{"*1\r\n", 0, io.ErrUnexpectedEOF},
		{"$3\r\nab", 0, io.ErrUnexpectedEOF},
		{"|1\r\n+ttl\r\n:1\r\n", 0, io.ErrUnexpectedEOF},
		{"\r\n", 0, errProtocol},
		{"OK\r\n", 0, errProtocol},
		{"$?\r\n", 0, errProtocol},
		{"*1\r\nOK\r\n", 0, errProtocol},
		{"%x\r\n", 0, errProtocol},
	} {
		t.Run(tc.in, func(t *testing.T) {
			t.Parallel()
			// One byte at a time, and with a second frame to be left alone.
			rest := ""
			if tc.err == nil {
				rest = "+rest\r\n"
			}
			r := bufio.NewReaderSize(iotest.OneByteReader(strings.NewReader(tc.in+rest)), minimal)
			raw, kind, err := readReply(r, nil)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err != nil {
				return
			}
			if kind != tc.kind {
				t.Errorf("kind = %q, want %q", kind, tc.kind)
			}
			if string(raw) != tc.in {
				t.Errorf("raw = %q, want %q", raw, tc.in)
			}
			if got, err := io.ReadAll(r); err != nil || string(got) != rest {
				t.Errorf("left %q, %v; want %q", got, err, rest)
			}
		})
	}
}
