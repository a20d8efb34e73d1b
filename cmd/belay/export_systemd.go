package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// unit is one file of the service manager.
type unit struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// allUnits is what --systemd stands for without a name.
const allUnits = "all"

// printUnits prints the units, or the one that is named.
func (p *program) printUnits(which string) error {
	units, err := p.units()
	if err != nil {
		return err
	}
	var names []string
	for _, u := range units {
		names = append(names, u.Name)
		switch {
		case which != allUnits && which != u.Name:
			continue
		case p.flags.json:
			if err := p.printJSON(u); err != nil {
				return err
			}
		case which == allUnits:
			fmt.Fprintf(p.out, "# /etc/systemd/system/%s\n%s\n", u.Name, u.Text)
		default:
			fmt.Fprint(p.out, u.Text)
		}
		if which == u.Name {
			return nil
		}
	}
	if which != allUnits {
		return usagef("--systemd prints the units of belay serve, which hold for every domain; there is none %q, there are %s", which, strings.Join(names, ", "))
	}
	return nil
}

// units are the service and its two sockets, for this binary and this store.
func (p *program) units() ([]unit, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's own file: %w", err)
	}
	state := defaultServiceState
	if p.flags.state != "" {
		if state, err = filepath.Abs(p.flags.state); err != nil {
			return nil, fmt.Errorf("find the state directory: %w", err)
		}
	}
	return unitsFor(self, state)
}

const (
	defaultServiceState = "/var/lib/belay"
	// installed is where a program belongs that the service is to run.
	installed = "/usr/local/bin/belay"
)

// unitsFor are the units for the program self and the store at state, both absolute.
// A program where the service may not look is to be installed first, which its unit
// says; a store there is refused, since only its owner can move it.
func unitsFor(self, state string) ([]unit, error) {
	if hidden := hiddenAt(state); hidden != "" {
		return nil, usagef("--state %s: the service sees nothing of %s; give it a store elsewhere, such as %s", state, hidden, defaultServiceState)
	}
	install := ""
	if hidden := hiddenAt(self); hidden != "" {
		install = fmt.Sprintf("# The service sees nothing of %s, so install the program first: install -m 755 %s %s\n", hidden, unitWord(self), installed)
		self = installed
	}
	directory := "ReadWritePaths=" + unitWord(state)
	if below, ok := strings.CutPrefix(state, "/var/lib/"); ok && !strings.ContainsAny(below, "/ ") {
		directory = "StateDirectory=" + unitWord(below) + "\nStateDirectoryMode=0700"
	}
	fill := strings.NewReplacer("{INSTALL}", install, "{BELAY}", unitWord(self), "{STATE}", unitWord(state), "{DIRECTORY}", directory)
	socket := func(what, port, name string) string {
		return strings.NewReplacer("{WHAT}", what, "{PORT}", port, "{NAME}", name).Replace(socketUnit)
	}
	return []unit{
		{"belay-serve.service", fill.Replace(serviceUnit)},
		{"belay-serve.socket", socket("HTTPS", "443", "https")},
		{"belay-serve-http.socket", socket("plain HTTP, which is the CA's", "80", "http")},
	}, nil
}

// hiddenAt is the directory above path in whose place the service sees an empty one,
// by ProtectHome and PrivateTmp (systemd.exec(5)); empty where path is seen.
func hiddenAt(path string) string {
	for _, dir := range [...]string{"/home", "/root", "/run/user", "/tmp", "/var/tmp"} {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			real = dir // there is none here
		}
		for _, at := range [...]string{dir, real} {
			if path == at || strings.HasPrefix(path, at+"/") {
				return dir
			}
		}
	}
	return ""
}

// unitWord is a path as one word of a unit file (systemd.syntax(7), systemd.service(5)).
func unitWord(path string) string {
	path = strings.NewReplacer(`\`, `\\`, `%`, `%%`, `$`, `$$`).Replace(path)
	if strings.ContainsAny(path, " \t'\";") {
		return `"` + strings.ReplaceAll(path, `"`, `\"`) + `"`
	}
	return path
}

const serviceUnit = `[Unit]
Description=belay's MTA-STS policy server
Documentation=man:belay(1)
Wants=network-online.target
After=network-online.target
Requires=belay-serve.socket belay-serve-http.socket

[Service]
# A user of its own: useradd --system --home-dir {STATE} --shell /usr/sbin/nologin belay
# Work on the same store as that user: sudo -u belay {BELAY} --state {STATE} next DOMAIN
User=belay
Group=belay
Type=notify
{INSTALL}# BELAY_SERVE_FLAGS and the logins of DNS providers stand here, one NAME=VALUE a line.
EnvironmentFile=-/etc/default/belay-serve
ExecStart={BELAY} --state {STATE} serve $BELAY_SERVE_FLAGS
ExecReload=/bin/kill -HUP $MAINPID
Sockets=belay-serve.socket belay-serve-http.socket
Restart=always
RestartSec=2
WatchdogSec=90
TimeoutStopSec=20
{DIRECTORY}
# All else is read-only. With --certificates DIR in the flags, name that folder too:
#ReadWritePaths=DIR
UMask=0077
LimitNOFILE=8192

# Needed where the sockets are not used; nothing else is.
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`

// The sockets stay open while the service is restarted: who connects meanwhile waits,
// and is not refused.
const socketUnit = `[Unit]
Description=belay's MTA-STS policy server, socket for {WHAT}
Documentation=man:belay(1)

[Socket]
ListenStream={PORT}
FileDescriptorName={NAME}
Service=belay-serve.service
Backlog=1024

[Install]
WantedBy=sockets.target
`
