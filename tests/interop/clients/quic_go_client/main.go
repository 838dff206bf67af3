// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/3 client on quic-go: fetches or sends files below www/, writes answers below got/, and says on
// standard output what the last connection was like.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

var (
	echo      = flag.Bool("echo", false, "POST the files to /echo")
	atATime   = flag.Int("at-a-time", 1, "requests at a time")
	again     = flag.Bool("again", false, "connect, fetch /small, close, and fetch the files over a resumed connection")
	earlyData = flag.Bool("early-data", false, "with -again: in 0-RTT")
	v2        = flag.Bool("v2", false, "QUIC v2")
	last      quic.EarlyConnection
)

func check(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func dial(ctx context.Context, addr string, config *tls.Config, options *quic.Config) (quic.EarlyConnection, error) {
	connection, err := quic.DialAddrEarly(ctx, addr, config, options)
	last = connection
	return connection, err
}

func fetch(transport *http3.Transport, port, name string) {
	method, path, body := http.MethodGet, name, io.Reader(nil)
	if *earlyData && last == nil {
		method = http3.MethodGet0RTT
	}
	if *echo {
		content, err := os.ReadFile("www/" + name)
		check(err)
		method, path, body = http.MethodPost, "echo", bytes.NewReader(content)
	}
	request, err := http.NewRequest(method, "https://localhost:"+port+"/"+path, body)
	check(err)
	response, err := transport.RoundTrip(request)
	check(err)
	if response.StatusCode != 200 {
		check(fmt.Errorf("status %d", response.StatusCode))
	}
	check(os.MkdirAll(filepath.Dir("got/"+name), 0o755))
	file, err := os.Create("got/" + name)
	check(err)
	_, err = io.Copy(file, response.Body)
	check(err)
	check(file.Close())
}

func main() {
	flag.Parse()
	port, names := flag.Arg(0), flag.Args()[1:]
	pem, err := os.ReadFile("cert.pem")
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(10)}
	options := &quic.Config{Versions: []quic.Version{quic.Version1}}
	if *v2 {
		options.Versions = []quic.Version{quic.Version2}
	}
	transport := &http3.Transport{TLSClientConfig: config, QUICConfig: options, Dial: dial}
	if *again {
		early := *earlyData
		*earlyData = false
		fetch(transport, port, "small")
		time.Sleep(300 * time.Millisecond) // the ticket comes after the handshake
		check(transport.Close())
		*earlyData, last = early, nil
		transport = &http3.Transport{TLSClientConfig: config, QUICConfig: options, Dial: dial}
	}
	var all sync.WaitGroup
	places := make(chan struct{}, *atATime)
	for _, name := range names {
		places <- struct{}{}
		all.Add(1)
		go func() {
			fetch(transport, port, name)
			<-places
			all.Done()
		}()
	}
	all.Wait()
	state := last.ConnectionState()
	fmt.Println("version", state.Version)
	fmt.Println("resumed", state.TLS.DidResume)
	fmt.Println("early_data", state.Used0RTT)
	check(transport.Close())
}
