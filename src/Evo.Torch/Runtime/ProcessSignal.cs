// Signals to other processes, which .NET can receive and not send.
using System.Runtime.InteropServices;

namespace Evo.Torch;

/// <summary>What one process says to another.</summary>
public static partial class ProcessSignal
{
    /// <summary>As Ctrl-C.</summary>
    public const int Interrupt = 2;

    /// <summary>Ends a process whatever it does.</summary>
    public const int Kill = 9;

    /// <summary>Asks for an end.</summary>
    public const int Terminate = 15;

    /// <summary>Lets a suspended process go on.</summary>
    public const int Continue = 18;

    /// <summary>Suspends a process.</summary>
    public const int Suspend = 19;

    /// <summary>Sends a signal; says whether the process was there.</summary>
    public static bool Send(int process, int signal) => kill(process, signal) == 0;

    /// <summary>"SIGKILL"; "signal 42" for one without a name here.</summary>
    public static string Name(int signal) => signal switch
    {
        1 => "SIGHUP",
        Interrupt => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        Kill => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        Terminate => "SIGTERM",
        _ => $"signal {signal}",
    };

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
