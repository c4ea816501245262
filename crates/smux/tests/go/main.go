// The Go library's end of tests/go_smux.rs: smux version 2 over TCP, set up as Snowflake does.
//
//	main server              listens on loopback, prints its address, serves one session
//	main client ADDR N BYTES opens N streams to ADDR and checks what comes back on each
//
// The first byte of a stream says what is wanted. 'e': echo what follows until the end. 'h': read to the end, then answer with
// halfCloseAnswer bytes and close.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/xtaci/smux"
)

const halfCloseAnswer = 100000

func config(timeout time.Duration) *smux.Config {
	c := smux.DefaultConfig()
	c.Version = 2
	c.KeepAliveInterval = 10 * time.Second
	c.KeepAliveTimeout = timeout
	c.MaxStreamBuffer = 1048576
	c.MaxReceiveBuffer = 4194304
	return c
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// pattern fills b with what stream number n carries from this offset on.
func pattern(b []byte, n, offset int) {
	for i := range b {
		o := offset + i
		b[i] = byte(o*31 + o>>8 + o>>16 + n*7)
	}
}

// drain copies to the end. The library's WriteTo, which io.Copy uses, reports the end as an error.
func drain(w io.Writer, s *smux.Stream) int {
	n, err := io.Copy(w, s)
	if err != io.EOF {
		check(err)
	}
	return int(n)
}

func serveStream(s *smux.Stream) {
	defer s.Close()
	kind := make([]byte, 1)
	_, err := io.ReadFull(s, kind)
	check(err)
	if kind[0] == 'e' {
		drain(s, s)
		return
	}
	n := drain(io.Discard, s)
	answer := make([]byte, halfCloseAnswer)
	pattern(answer, n, 0)
	_, err = s.Write(answer)
	check(err)
}

func server() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr())
	conn, err := listener.Accept()
	check(err)
	session, err := smux.Server(conn, config(4*time.Minute))
	check(err)
	for {
		s, err := session.AcceptStream()
		if err != nil {
			return // the test has hung up
		}
		go serveStream(s)
	}
}

func clientStream(session *smux.Session, n, total int) {
	s, err := session.OpenStream()
	check(err)
	go func() {
		_, err := s.Write([]byte{'e'})
		check(err)
		buf := make([]byte, 50000)
		for sent := 0; sent < total; {
			b := buf
			if len(b) > total-sent {
				b = b[:total-sent]
			}
			pattern(b, n, sent)
			_, err := s.Write(b)
			check(err)
			sent += len(b)
		}
	}()
	got := make([]byte, total)
	_, err = io.ReadFull(s, got)
	check(err)
	want := make([]byte, total)
	pattern(want, n, 0)
	if string(got) != string(want) {
		log.Fatalf("stream %d came back altered", n)
	}
	check(s.Close())
}

func client(addr string, streams, total int) {
	conn, err := net.Dial("tcp", addr)
	check(err)
	session, err := smux.Client(conn, config(10*time.Minute))
	check(err)
	var group sync.WaitGroup
	for n := 0; n < streams; n++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			clientStream(session, n, total)
		}(n)
	}
	group.Wait()
	// The test hangs up when it has seen every stream end; hanging up first could destroy our last frames on their way.
	if _, err := session.AcceptStream(); err == nil {
		log.Fatal("the server opened a stream")
	}
}

func main() {
	log.SetFlags(0)
	if os.Args[1] == "server" {
		server()
		return
	}
	streams, err := strconv.Atoi(os.Args[3])
	check(err)
	total, err := strconv.Atoi(os.Args[4])
	check(err)
	client(os.Args[2], streams, total)
}
