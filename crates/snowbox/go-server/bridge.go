package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
)

// bridge is where streams go: an Extended ORPort.
type bridge struct {
	address string
	cookie  []byte
}

func newBridge(address, cookieFile string) (*bridge, error) {
	file, err := os.ReadFile(cookieFile)
	if err != nil {
		return nil, err
	}
	if len(file) != 64 {
		return nil, errors.New("the cookie file does not have 64 bytes")
	}
	return &bridge{address, file[32:]}, nil
}

// dial connects and authenticates (ext-orport-spec).
func (b *bridge) dial() (net.Conn, error) {
	conn, err := net.Dial("tcp", b.address)
	if err != nil {
		return nil, err
	}
	if err := b.greet(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func (b *bridge) greet(conn net.Conn) error {
	one := []byte{1}
	for one[0] != 0 { // the kinds of authentication that are offered
		if _, err := io.ReadFull(conn, one); err != nil {
			return err
		}
	}
	nonces := make([]byte, 64) // the client's, then the server's
	if _, err := rand.Read(nonces[:32]); err != nil {
		return err
	}
	if _, err := conn.Write(append([]byte{1}, nonces[:32]...)); err != nil {
		return err
	}
	var answer [64]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return err
	}
	copy(nonces[32:], answer[32:])
	if !hmac.Equal(answer[:32], b.hash("ExtORPort authentication server-to-client hash", nonces)) {
		return errors.New("the Extended ORPort has another cookie")
	}
	if _, err := conn.Write(b.hash("ExtORPort authentication client-to-server hash", nonces)); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, one); err != nil || one[0] != 1 {
		return errors.New("the Extended ORPort refused us")
	}
	if _, err := conn.Write(append(command(2, "snowflake"), command(0, "")...)); err != nil {
		return err
	}
	var okay [4]byte
	if _, err := io.ReadFull(conn, okay[:]); err != nil || binary.BigEndian.Uint16(okay[:]) != 0x1000 {
		return errors.New("the Extended ORPort did not say OKAY")
	}
	return nil
}

func (b *bridge) hash(what string, nonces []byte) []byte {
	mac := hmac.New(sha256.New, b.cookie)
	mac.Write([]byte(what))
	mac.Write(nonces)
	return mac.Sum(nil)
}

func command(kind uint16, body string) []byte {
	head := make([]byte, 4)
	binary.BigEndian.PutUint16(head, kind)
	binary.BigEndian.PutUint16(head[2:], uint16(len(body)))
	return append(head, body...)
}
