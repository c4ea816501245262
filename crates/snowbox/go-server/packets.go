package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// queueLength is how many packets wait for the KCP engine, and how many for each client; further ones are dropped.
const queueLength = 512

// mtu is the length to which packets are cut before the KCP engine gets them.
const mtu = 1400

// token begins each carrier that speaks Turbo Tunnel.
var token = []byte{0x12, 0x93, 0x60, 0x5d, 0x27, 0x81, 0x75, 0xf5}

// clientID is what KCP takes for an address.
type clientID [8]byte

func (id clientID) Network() string { return "clientid" }
func (id clientID) String() string  { return hex.EncodeToString(id[:]) }

type packet struct {
	data []byte
	from clientID
}

// packetConn carries the packets of all clients over whatever WebSockets they have.
//
// It is the net.PacketConn on which the KCP engine listens. It forgets no client: it runs for a measurement.
type packetConn struct {
	up   chan packet
	lock sync.Mutex
	down map[clientID]chan []byte
}

func newPacketConn() *packetConn {
	return &packetConn{up: make(chan packet, queueLength), down: make(map[clientID]chan []byte)}
}

// queue is where the packets for a client wait for any of its WebSockets.
func (c *packetConn) queue(id clientID) chan []byte {
	c.lock.Lock()
	defer c.lock.Unlock()
	queue, ok := c.down[id]
	if !ok {
		queue = make(chan []byte, queueLength)
		c.down[id] = queue
	}
	return queue
}

// ReadFrom waits for the next packet of any client.
func (c *packetConn) ReadFrom(p []byte) (int, net.Addr, error) {
	packet := <-c.up
	return copy(p, packet.data), packet.from, nil
}

// WriteTo never waits.
func (c *packetConn) WriteTo(p []byte, addr net.Addr) (int, error) {
	data := append([]byte(nil), p...)
	select {
	case c.queue(addr.(clientID)) <- data:
	default: // full: dropped, as a network does
	}
	return len(p), nil
}

func (c *packetConn) Close() error                     { return nil }
func (c *packetConn) LocalAddr() net.Addr              { return clientID{} }
func (c *packetConn) SetDeadline(time.Time) error      { return nil }
func (c *packetConn) SetReadDeadline(time.Time) error  { return nil }
func (c *packetConn) SetWriteDeadline(time.Time) error { return nil }

// carry moves packets between a WebSocket and the queues until either direction ends.
func (c *packetConn) carry(ws *websocket.Conn) {
	reader := bufio.NewReader(&messages{ws: ws})
	id, err := readPreamble(reader)
	if err != nil {
		return
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.carryUp(reader, id)
	}()
	c.carryDown(ws, id, ended)
}

// carryUp hands what the WebSocket brings to the KCP engine.
func (c *packetConn) carryUp(reader *bufio.Reader, id clientID) {
	for {
		data, err := readChunk(reader)
		if err != nil {
			return
		}
		if len(data) > mtu {
			data = data[:mtu]
		}
		select {
		case c.up <- packet{data, id}:
		default: // full: dropped
		}
	}
}

// carryDown writes the client's packets to the WebSocket, until that fails or its other direction has ended.
func (c *packetConn) carryDown(ws *websocket.Conn, id clientID, ended <-chan struct{}) {
	queue := c.queue(id)
	for {
		select {
		case data := <-queue:
			if ws.WriteMessage(websocket.BinaryMessage, chunk(data)) != nil {
				return
			}
		case <-ended:
			return
		}
	}
}

// messages makes one stream of bytes of a WebSocket's messages.
type messages struct {
	ws      *websocket.Conn
	current io.Reader
}

func (m *messages) Read(p []byte) (int, error) {
	for {
		if m.current == nil {
			_, next, err := m.ws.NextReader()
			if err != nil {
				return 0, err
			}
			m.current = next
		}
		n, err := m.current.Read(p)
		if err == io.EOF {
			m.current = nil
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// readPreamble reads the token and returns whose the carrier is.
func readPreamble(reader io.Reader) (id clientID, err error) {
	preamble := make([]byte, len(token)+len(id))
	if _, err = io.ReadFull(reader, preamble); err != nil {
		return id, err
	}
	if !bytes.HasPrefix(preamble, token) {
		return id, errors.New("the carrier does not begin with the token of Turbo Tunnel")
	}
	copy(id[:], preamble[len(token):])
	return id, nil
}

// chunk puts a packet of less than 8 KiB behind the shortest prefix for its length: a bit for data, one for more bytes
// of length, and the length in 6 bits, then 7 in each further byte.
func chunk(data []byte) []byte {
	n := len(data)
	if n < 64 {
		return append([]byte{0x80 | byte(n)}, data...)
	}
	return append([]byte{0xc0 | byte(n>>7), byte(n & 0x7f)}, data...)
}

// readChunk skips padding and returns the next packet.
func readChunk(reader *bufio.Reader) ([]byte, error) {
	for {
		n, isData, err := readPrefix(reader)
		if err != nil {
			return nil, err
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(reader, data); err != nil {
			return nil, err
		}
		if isData {
			return data, nil
		}
	}
}

// readPrefix reads a length, in at most three bytes, and whether it is that of data.
func readPrefix(reader *bufio.Reader) (n int, isData bool, err error) {
	b, err := reader.ReadByte()
	n, isData = int(b&0x3f), b&0x80 != 0
	for read, more := 1, b&0x40 != 0; more && err == nil; read++ {
		if read == 3 {
			return 0, false, errors.New("the prefix is too long")
		}
		b, err = reader.ReadByte()
		n, more = n<<7|int(b&0x7f), b&0x80 != 0
	}
	return n, isData, err
}
