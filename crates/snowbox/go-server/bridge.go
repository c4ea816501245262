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

// Numbers of ext-orport-spec.
const (
	safeCookie = 1
	done       = 0x0000
	transport  = 0x0002
	okay       = 0x1000
)

// bridge is where streams go: an Extended ORPort.
type bridge struct {
	address string
	cookie  []byte
}

// newBridge reads the cookie: 32 bytes of header, then as many that are secret.
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

// greet proves to the Extended ORPort that we know its cookie, has it prove the same, and says that data follows.
func (b *bridge) greet(conn net.Conn) error {
	if err := b.authenticate(conn); err != nil {
		return err
	}
	if _, err := conn.Write(append(command(transport, "snowflake"), command(done, "")...)); err != nil {
		return err
	}
	var answer [4]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil || binary.BigEndian.Uint16(answer[:]) != okay {
		return errors.New("the Extended ORPort did not say OKAY")
	}
	return nil
}

// authenticate is SAFE_COOKIE, the one kind of authentication that there is.
func (b *bridge) authenticate(conn net.Conn) error {
	one := []byte{safeCookie}
	for one[0] != 0 { // the kinds that are offered
		if _, err := io.ReadFull(conn, one); err != nil {
			return err
		}
	}
	nonces := make([]byte, 64) // ours, then the bridge's
	if _, err := rand.Read(nonces[:32]); err != nil {
		return err
	}
	if _, err := conn.Write(append([]byte{safeCookie}, nonces[:32]...)); err != nil {
		return err
	}
	var answer [64]byte // its hash, then its nonce
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
	return nil
}

// hash says that we know the cookie, for these nonces only.
func (b *bridge) hash(what string, nonces []byte) []byte {
	mac := hmac.New(sha256.New, b.cookie)
	mac.Write([]byte(what))
	mac.Write(nonces)
	return mac.Sum(nil)
}

// command is a message of the Extended ORPort.
func command(kind uint16, body string) []byte {
	head := make([]byte, 4)
	binary.BigEndian.PutUint16(head, kind)
	binary.BigEndian.PutUint16(head[2:], uint16(len(body)))
	return append(head, body...)
}
