using System.Diagnostics;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>One rank that was started: its process, and its lines.</summary>
internal sealed class RankProcess
{
    private readonly Process process;
    private readonly Thread[] readers;
    private volatile int exitCode = int.MinValue;

    public RankProcess(int rank, ProcessStartInfo start, Action<int, string, bool> write)
    {
        Rank = rank;
        process = Process.Start(start) ?? throw new LaunchException($"rank {rank} could not be started: {start.FileName}");
        readers = start.RedirectStandardOutput
            ? [Read(process.StandardOutput, line => write(rank, line, false)), Read(process.StandardError, line => write(rank, line, true))]
            : [];
        new Thread(Wait) { IsBackground = true, Name = $"minds rank {rank}" }.Start();
    }

    public int Rank { get; }

    /// <summary>The exit code, 128 and the signal's number where a signal ended it; null while it runs.</summary>
    public int? ExitCode => exitCode == int.MinValue ? null : exitCode;

    /// <summary>Whether it ended because it was told to.</summary>
    public bool EndedByUs { get; private set; }

    public void Signal(int signal)
    {
        if (ExitCode is null)
        {
            EndedByUs |= signal is ProcessSignal.Kill or ProcessSignal.Terminate;
            ProcessSignal.Send(process.Id, signal);
        }
    }

    /// <summary>After its end: the last lines have been written.</summary>
    public void Close()
    {
        Array.ForEach(readers, reader => reader.Join(TimeSpan.FromSeconds(2)));
        process.Dispose();
    }

    private void Wait()
    {
        process.WaitForExit();
        exitCode = process.ExitCode;
    }

    private static Thread Read(StreamReader lines, Action<string> write)
    {
        var thread = new Thread(() =>
        {
            while (lines.ReadLine() is { } line)
            {
                write(line);
            }
        })
        {
            IsBackground = true,
            Name = "lines of a rank",
        };
        thread.Start();
        return thread;
    }
}
