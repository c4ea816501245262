// A bridge's server as the deployed one behaves, to test and measure our client against it: kcp-go without congestion
// control and with a window of 65535 segments, smux version 2, one queue for each client that all its WebSockets drain.
//
// It is a managed pluggable transport (without TLS), so that snowbox can run it in place of our server, as
// tests/our_client_go_server.rs does:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o go-server .
//	snowbox --server-bin ./go-server
//
// It needs Debian's golang-github-gorilla-websocket-dev, golang-github-xtaci-kcp-dev and golang-github-xtaci-smux-dev.
// It does not tell the bridge whose connection it brings.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/xtaci/kcp-go"
	"github.com/xtaci/smux"
)

// The settings of the deployed server.
const (
	window       = 65535 // segments under way each way
	streamBuffer = 1 << 20
	silence      = 4 * time.Minute // ends a session
)

func main() {
	fmt.Println("VERSION 1")
	address, err := listen()
	if err != nil {
		fmt.Printf("SMETHOD-ERROR snowflake %s\nSMETHODS DONE\n", err)
		os.Exit(1)
	}
	fmt.Printf("SMETHOD snowflake %s\nSMETHODS DONE\n", address)
	// The parent says with its end of the pipe when it is enough.
	io.Copy(io.Discard, os.Stdin)
}

// listen starts everything and returns where carriers are to come.
func listen() (net.Addr, error) {
	bridge, err := newBridge(os.Getenv("TOR_PT_EXTENDED_SERVER_PORT"), os.Getenv("TOR_PT_AUTH_COOKIE_FILE"))
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", strings.TrimPrefix(os.Getenv("TOR_PT_SERVER_BINDADDR"), "snowflake-"))
	if err != nil {
		return nil, err
	}
	packets := newPacketConn()
	sessions, err := kcp.ServeConn(nil, 0, 0, packets)
	if err != nil {
		return nil, err
	}
	go acceptSessions(sessions, bridge)
	go func() { log.Fatal(http.Serve(listener, carriers{packets})) }()
	return listener.Addr(), nil
}

// carriers takes WebSockets at any path.
type carriers struct{ packets *packetConn }

func (c carriers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	c.packets.carry(ws)
}

// acceptSessions gives each new session the deployed server's settings.
func acceptSessions(listener *kcp.Listener, bridge *bridge) {
	for {
		session, err := listener.AcceptKCP()
		if err != nil {
			log.Fatal(err)
		}
		session.SetStreamMode(true)
		session.SetWindowSize(window, window)
		session.SetNoDelay(0, 0, 0, 1)
		go acceptStreams(session, bridge)
	}
}

// acceptStreams serves one session until it ends.
func acceptStreams(session *kcp.UDPSession, bridge *bridge) {
	defer session.Close()
	config := smux.DefaultConfig()
	config.Version = 2
	config.KeepAliveTimeout = silence
	config.MaxStreamBuffer = streamBuffer
	mux, err := smux.Server(session, config)
	if err != nil {
		return
	}
	defer mux.Close()
	for {
		stream, err := mux.AcceptStream()
		if err != nil {
			return
		}
		go serveStream(stream, bridge)
	}
}

// serveStream moves bytes between a stream and a connection to the bridge until either direction ends.
func serveStream(stream *smux.Stream, bridge *bridge) {
	defer stream.Close()
	orPort, err := bridge.dial()
	if err != nil {
		log.Print(err)
		return
	}
	defer orPort.Close()
	ended := make(chan struct{}, 2)
	pipe := func(to io.Writer, from io.Reader) {
		io.Copy(to, from)
		ended <- struct{}{}
	}
	go pipe(orPort, stream)
	go pipe(stream, orPort)
	<-ended
}
