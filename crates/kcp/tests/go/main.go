// Echoes every KCP session that reaches a loopback port, with the settings of Snowflake.
//
// Prints the port to standard output and ends with its standard input.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"github.com/xtaci/kcp-go"
)

func main() {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	// What overflows here is lost without being asked for.
	conn.(*net.UDPConn).SetReadBuffer(4 << 20)
	listener, err := kcp.ServeConn(nil, 0, 0, conn)
	if err != nil {
		log.Fatal(err)
	}
	go serve(listener)
	fmt.Println(conn.LocalAddr().(*net.UDPAddr).Port)
	io.Copy(io.Discard, os.Stdin)
}

func serve(listener *kcp.Listener) {
	for {
		session, err := listener.AcceptKCP()
		if err != nil {
			log.Fatal(err)
		}
		session.SetStreamMode(true)
		session.SetWindowSize(65535, 65535)
		session.SetNoDelay(0, 0, 0, 1)
		go io.Copy(session, session)
	}
}
