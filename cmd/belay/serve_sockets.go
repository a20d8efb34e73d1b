package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"
	"syscall"

	"belay/providers/host/serve"
)

// sockets are where the server listens.
type sockets struct{ serve.Sockets }

// Close gives them up, where no server took them.
func (s sockets) Close() error {
	var errs []error
	for _, l := range slices.Concat(s.HTTPS, s.HTTP, s.Status) {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// statusFlag names where the server tells how it is: nobody but its operator asks there.
const statusFlag = "--status"

// serveSockets are those that the service manager handed over and, for each purpose
// it has none for, those of the flags.
func (p *program) serveSockets(ctx context.Context, given serveFlags) (out sockets, err error) {
	defer func() {
		if err != nil {
			err, out = errors.Join(err, out.Close()), sockets{}
		}
	}()
	handed, err := p.handedOver()
	if err != nil {
		return out, err
	}
	for _, h := range handed {
		switch h.purpose() {
		case "http":
			out.HTTP = append(out.HTTP, h.listener)
		case "status":
			out.Status = append(out.Status, h.listener)
		default:
			out.HTTPS = append(out.HTTPS, h.listener)
		}
	}
	for _, want := range []struct {
		flag  string
		addrs []string
		into  *[]net.Listener
	}{{"--listen", given.listen, &out.HTTPS}, {"--http", given.http, &out.HTTP}, {statusFlag, given.status, &out.Status}} {
		if len(*want.into) > 0 {
			continue
		}
		if *want.into, err = listenAt(ctx, want.flag, want.addrs, given.shared); err != nil {
			return out, err
		}
	}
	if len(out.HTTPS) == 0 {
		return out, usagef("--listen none leaves nothing to serve at")
	}
	return out, nil
}

// listenAt listens at all of the addresses, or at none.
func listenAt(ctx context.Context, flag string, addrs []string, shared bool) (out []net.Listener, err error) {
	if slices.Equal(addrs, []string{"none"}) {
		return nil, nil
	}
	// Connections here last for seconds, too short for probes that keep them alive.
	config := net.ListenConfig{KeepAlive: -1}
	if shared {
		config.Control = sharePort
	}
	for _, addr := range addrs {
		l, err := config.Listen(ctx, "tcp", addr)
		if err != nil {
			for _, open := range out {
				err = errors.Join(err, open.Close())
			}
			return nil, listenError(flag, addr, err)
		}
		out = append(out, l)
	}
	return out, nil
}

// listenError says why belay cannot listen, and what to do about it.
func listenError(flag, addr string, err error) error {
	var wrong *net.AddrError
	var unknown *net.DNSError
	about := fmt.Sprintf("listen at %s (%s)", addr, flag)
	switch {
	case errors.As(err, &wrong):
		return usagef("%s %s is no address to listen at: %w", flag, addr, err)
	case errors.As(err, &unknown):
		return usagef("%s %s is no address to listen at: give it as ADDRESS:PORT, such as 127.0.0.1:9461: %w", flag, addr, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: this machine has no such address; name one of its own: %w", about, err)
	case errors.Is(err, fs.ErrPermission) && flag == statusFlag:
		return fmt.Errorf("%s: an ordinary user may not take this port; name one above 1023 by --status, such as 127.0.0.1:9461: %w", about, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: an ordinary user may not take this port; run belay with CAP_NET_BIND_SERVICE (setcap cap_net_bind_service=+ep on the binary), "+
			"by the units that belay export --systemd prints, or name another port by %s: %w", about, flag, err)
	case errors.Is(err, syscall.EADDRINUSE) && flag == statusFlag:
		return fmt.Errorf("%s: another program has this port, most likely a belay serve that runs already (ss -ltnp shows which); end that one, "+
			"or tell how this one is elsewhere, by --status 127.0.0.1:PORT or --status none: %w", about, err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: another program has this port; end it, name another port by %s, or with a web server there take --host webroot:DIR: %w", about, flag, err)
	}
	return fmt.Errorf("%s: %w", about, err)
}

// addresses are where listeners listen, for people.
func addresses(ls []net.Listener) string {
	if len(ls) == 0 {
		return "none"
	}
	at := make([]string, len(ls))
	for i, l := range ls {
		at[i] = l.Addr().String()
	}
	return strings.Join(at, ", ")
}

// handed is a socket that the service manager opened before belay was started.
type handed struct {
	name     string
	listener net.Listener
}

// purpose is what the socket is for: by the name that its unit gives it
// (FileDescriptorName=https, http or status), else by its port.
func (h handed) purpose() string {
	switch h.name {
	case "https", "http", "status":
		return h.name
	}
	if addr, ok := h.listener.Addr().(*net.TCPAddr); ok && addr.Port == 80 {
		return "http"
	}
	return "https"
}

// connectionsFor is serve.Limits.Connections where a process may have so many files:
// that limit holds three times over, and the store, certificates and logs need some
// files too. Zero leaves it to the server.
func connectionsFor(files uint64) int {
	const spare, enough, times = 128, 1024, 3
	if files >= spare+enough*times {
		return 0
	}
	return int(max(files, spare+16*times)-spare) / times
}
