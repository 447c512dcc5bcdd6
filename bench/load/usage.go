package load

import (
	"fmt"
	"time"

	"github.com/prometheus/procfs"
)

// Usage is CPU time, in user and kernel, in units of 10 ms. What the kernel does
// in interrupts, such as a part of passing packets on, is put down to the process
// that it interrupts, or, where the kernel keeps CONFIG_IRQ_TIME_ACCOUNTING, to
// Others.
type Usage struct {
	CPU    map[string]time.Duration // of the processes of each group in Job.Watch
	Own    time.Duration            // of this process, which generates the load
	Others time.Duration            // of all further processes on the machine
	Idle   time.Duration            // of all cores together
	Stolen time.Duration            // likewise, by the hypervisor for other machines
}

// readUsage returns what was used since the machine and the processes began.
// Others still has all processes in it.
func readUsage(watch map[string][]int) (Usage, error) {
	u := Usage{CPU: make(map[string]time.Duration, len(watch)), Own: ownCPU()}
	for name, pids := range watch {
		for _, pid := range pids {
			used, err := CPUTime(pid)
			if err != nil {
				return Usage{}, fmt.Errorf("load: %s: %w", name, err)
			}
			u.CPU[name] += used
		}
	}
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return Usage{}, err
	}
	stat, err := fs.Stat()
	if err != nil {
		return Usage{}, err
	}
	all := stat.CPUTotal
	u.Others = seconds(all.User + all.Nice + all.System + all.IRQ + all.SoftIRQ)
	u.Idle, u.Stolen = seconds(all.Idle+all.Iowait), seconds(all.Steal)
	return u, nil
}

// since returns what was used after an earlier reading.
func (u Usage) since(before Usage) Usage {
	d := Usage{
		CPU: make(map[string]time.Duration, len(u.CPU)), Own: u.Own - before.Own, Others: u.Others - before.Others,
		Idle: u.Idle - before.Idle, Stolen: u.Stolen - before.Stolen,
	}
	d.Others -= d.Own
	for name, used := range u.CPU {
		d.CPU[name] = used - before.CPU[name]
		d.Others -= d.CPU[name]
	}
	d.Others = max(d.Others, 0) // units differ
	return d
}

// CPUTime returns the CPU time that a process has used, in user and kernel, by
// /proc/PID/stat. Its unit is 10 ms.
func CPUTime(pid int) (time.Duration, error) {
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return 0, err
	}
	stat, err := proc.Stat()
	if err != nil {
		return 0, err
	}
	return seconds(stat.CPUTime()), nil
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
