package clienttest

import (
	"net"
	"testing"
)

// Refusing returns a loopback address that refuses connections for as long as the test runs. It is that of a
// connection's own end, so nobody can listen there: a port that was merely closed could be anybody's next.
func Refusing(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	near, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
	})
	return near.LocalAddr().String()
}
