using System.Diagnostics;
using System.Runtime.InteropServices;
using Evo.Core;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>
/// Starts the ranks of this host and minds them: forwards signals, puts the rank before their lines, tells the run when one of
/// them dies, and sees that all end. The first host's also serves the store of the run.
/// </summary>
/// <param name="spawning">How many ranks, and where they meet.</param>
/// <param name="command">The program of a rank and its arguments.</param>
/// <param name="tell">Takes a line about the run, for standard error.</param>
public sealed class RankSupervisor(Spawning spawning, IReadOnlyList<string> command, Action<string> tell)
{
    private static readonly TimeSpan JoinLimit = TimeSpan.FromMinutes(3);

    /// <summary>How long the others may take to end after one failed: the watch of each ends it in less.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan LastWord = TimeSpan.FromSeconds(3);
    private readonly Lock output = new();
    private readonly List<RankProcess> ranks = [];
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private int signals;
    private Task<RankFault?>? question;

    /// <summary>The command of this process, with other arguments.</summary>
    public static IReadOnlyList<string> OwnCommand(IReadOnlyList<string> arguments)
    {
        var program = Environment.ProcessPath ?? throw new LaunchException("the system does not say which program this is");
        // Started by `dotnet`, the program needs the assembly's name first.
        return Path.GetFileNameWithoutExtension(program) == "dotnet"
            ? [program, Environment.GetCommandLineArgs()[0], .. arguments]
            : [program, .. arguments];
    }

    /// <summary>Runs to the end of all ranks of this host.</summary>
    /// <returns>0, or the exit code of the rank that failed first.</returns>
    /// <exception cref="LaunchException">The store could not be served or reached.</exception>
    public int Run()
    {
        using var store = OpenStore();
        var board = new FaultBoard(store);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Forward);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Forward);
        using var hungUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Forward);
        var port = spawning.Serves ? store.Port : spawning.Port!.Value;
        for (var local = 0; local < spawning.Count; local++)
        {
            ranks.Add(Start(local, port));
        }

        try
        {
            return Mind(board);
        }
        finally
        {
            EndAll(ProcessSignal.Kill);
            ranks.ForEach(rank => rank.Close());
        }
    }

    private C10dStore OpenStore()
    {
        try
        {
            return spawning.Serves
                ? C10dStore.Serve(spawning.Host, spawning.Port?.Value ?? 0, JoinLimit)
                : C10dStore.Connect(spawning.Host, spawning.Port!.Value, JoinLimit);
        }
        catch (TorchException error)
        {
            var place = $"{spawning.Host}:{spawning.Port?.Value}";
            throw new LaunchException(
                spawning.Serves
                    ? $"the store of the run cannot be served at {place}: {error.NativeText}; is the port taken? --master-port chooses another"
                    : $"no store of the run was found at {place}: {error.NativeText}; the command on host 0 serves it",
                error);
        }
    }

    private RankProcess Start(int local, int port)
    {
        var rank = spawning.FirstRank + local;
        // Out of the terminal's reach: Ctrl-C comes to this process only, which forwards it once.
        var start = new ProcessStartInfo("setsid", command)
        {
            UseShellExecute = false,
            RedirectStandardOutput = rank > 0,
            RedirectStandardError = rank > 0,
        };
        foreach (var (key, value) in (ReadOnlySpan<(string, string)>)
        [
            ("RANK", $"{rank}"), ("WORLD_SIZE", $"{spawning.Size}"), ("LOCAL_RANK", $"{local}"), ("LOCAL_WORLD_SIZE", $"{spawning.Count}"),
            ("MASTER_ADDR", spawning.Host), ("MASTER_PORT", $"{port}"), ("TORCHELASTIC_USE_AGENT_STORE", "True"), (Launches.SpawnedKey, "1"),
        ])
        {
            start.Environment[key] = value;
        }

        // The processors of this host are shared out.
        start.Environment.TryAdd("OMP_NUM_THREADS", $"{Math.Max(1, Environment.ProcessorCount / spawning.Count)}");
        return new(rank, start, Write);
    }

    private void Write(int rank, string line, bool error)
    {
        lock (output)
        {
            (error ? Console.Error : Console.Out).WriteLine($"[{rank}] {line}");
        }
    }

    // SIGINT and SIGTERM: the ranks end by themselves. A third one ends them at once.
    private void Forward(PosixSignalContext context)
    {
        context.Cancel = true;
        var signal = Interlocked.Increment(ref signals) > 2 ? ProcessSignal.Kill
            : context.Signal == PosixSignal.SIGINT ? ProcessSignal.Interrupt
            : ProcessSignal.Terminate;
        EndAll(signal);
    }

    private void EndAll(int signal)
    {
        foreach (var rank in ranks.ToArray())
        {
            rank.Signal(signal);
        }
    }

    private int Mind(FaultBoard board)
    {
        RankProcess? first = null;
        TimeSpan? failedAt = null;
        TimeSpan? alone = null;
        var asked = false;
        while (ranks.Any(rank => rank.ExitCode is null))
        {
            Thread.Sleep(50);
            if (first is null && ranks.FirstOrDefault(rank => rank.ExitCode is not (null or 0 or (int)ExitCode.Stopped)) is { } failed)
            {
                (first, failedAt) = (failed, clock.Elapsed);
                Report(board, failed);
            }

            var waited = clock.Elapsed - failedAt;
            if (failedAt is not null && Try(board.Fault) is { Rank: { } blamed } && ranks.All(rank => rank.ExitCode is not null || rank.Rank == blamed))
            {
                // The others have ended because of it; a rank that hangs or is suspended does not end by itself.
                alone ??= clock.Elapsed;
                if (clock.Elapsed - alone > LastWord)
                {
                    EndAll(ProcessSignal.Kill);
                }
            }

            if (waited > Patience + LastWord)
            {
                EndAll(ProcessSignal.Kill);
            }
            else if (waited > Patience && !asked)
            {
                asked = true;
                EndAll(ProcessSignal.Terminate);
            }
        }

        if (first is null)
        {
            return ranks.Select(rank => rank.ExitCode!.Value).Max();
        }

        // Whoever only ended because of another is not who failed.
        var fault = Try(board.Fault);
        var culprit = ranks.FirstOrDefault(rank => rank.Rank == fault?.Rank && rank.ExitCode != 0 && !rank.EndedByUs) ?? first;
        if (fault is not null)
        {
            tell(fault.Text);
        }

        return culprit.EndedByUs ? (int)ExitCode.RankFault : culprit.ExitCode!.Value;
    }

    // A rank whose own exception is on the board already has said more.
    private void Report(FaultBoard board, RankProcess failed)
    {
        var code = failed.ExitCode!.Value;
        if (signals > 0 || code == (int)ExitCode.RankFault)
        {
            return;
        }

        Try(() =>
        {
            var seen = board.BeatOf(failed.Rank) is { } beat ? $"last seen {beat.Where}" : "before it joined the others";
            var how = code > 128 && ProcessSignal.Name(code - 128).StartsWith("SIG", StringComparison.Ordinal)
                ? $"was killed by signal {code - 128} ({ProcessSignal.Name(code - 128)})"
                : $"ended with exit code {code}";
            board.Claim(new(failed.Rank, $"rank {failed.Rank} {how}, {seen}"));
            return board.Fault();
        });
    }

    // The store of another host may be gone with it: an error, or no answer at all. That is waited for once.
    private RankFault? Try(Func<RankFault?> ask)
    {
        if (question is { IsCompleted: false })
        {
            return null;
        }

        question = Task.Run(() =>
        {
            try
            {
                return ask();
            }
            catch (TorchException)
            {
                return null;
            }
        });
        return question.Wait(LastWord) ? question.Result : null;
    }
}
