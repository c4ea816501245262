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

// Packets that wait for the KCP engine, and for each client.
const queueLength = 512

// Longest packet that is handed to the KCP engine.
const mtu = 1400

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
type packetConn struct {
	up   chan packet
	lock sync.Mutex
	down map[clientID]chan []byte
}

func newPacketConn() *packetConn {
	return &packetConn{up: make(chan packet, queueLength), down: make(map[clientID]chan []byte)}
}

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

func (c *packetConn) ReadFrom(p []byte) (int, net.Addr, error) {
	packet := <-c.up
	return copy(p, packet.data), packet.from, nil
}

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
	var preamble [16]byte
	if _, err := io.ReadFull(reader, preamble[:]); err != nil || !bytes.Equal(preamble[:8], token) {
		return
	}
	var id clientID
	copy(id[:], preamble[8:])
	done := make(chan struct{}, 2)
	go func() {
		c.carryUp(reader, id)
		done <- struct{}{}
	}()
	go func() {
		c.carryDown(ws, id)
		done <- struct{}{}
	}()
	<-done
}

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
		default:
		}
	}
}

func (c *packetConn) carryDown(ws *websocket.Conn, id clientID) {
	for data := range c.queue(id) {
		if ws.WriteMessage(websocket.BinaryMessage, chunk(data)) != nil {
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

// chunk puts a packet behind the shortest prefix for its length.
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
		first, err := reader.ReadByte()
		if err != nil {
			return nil, err
		}
		n, more := int(first&0x3f), first&0x40 != 0
		for i := 0; more; i++ {
			next, err := reader.ReadByte()
			if err != nil {
				return nil, err
			}
			if i == 2 {
				return nil, errors.New("the prefix is too long")
			}
			n, more = n<<7|int(next&0x7f), next&0x80 != 0
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(reader, data); err != nil {
			return nil, err
		}
		if first&0x80 != 0 {
			return data, nil
		}
	}
}
