namespace Evo.Core

/// What the `evo` command answers to the shell. Each meaning has one number, and a number never changes its meaning.
type ExitCode =
    /// Everything asked for was done.
    | Done = 0
    /// The work was done and its answer is no: a verification out of tolerance, a doctor that found something wrong.
    | AnswerIsNo = 1
    /// The command line was wrong: an unknown verb or option, a missing argument.
    | Usage = 2
    /// The configuration was wrong; every problem has been printed with its place.
    | Config = 3
    /// A file, folder, token file, tokenizer or checkpoint is missing, unreadable, altered or does not fit.
    | Data = 4
    /// Training cannot go on: too many steps in a row without a finite gradient.
    | Diverged = 5
    /// The machine refused: no space left, no permission, no memory, no such device, libtorch failed.
    | Machine = 6
    /// Said by the launcher: something that the machine needs is missing and may not be installed; it says what to run.
    | Unavailable = 69
    /// Said by the launcher: building Evo failed.
    | BuildFailed = 71
    /// Stopped by Ctrl-C or SIGTERM after the current step; the state was saved and the run can be resumed.
    | Stopped = 75
    /// Another rank of the run died, hung or failed; the message says which, at which step and in which collective.
    | RankFault = 76
    /// Stopped at once by a second Ctrl-C or SIGTERM; the last committed checkpoint stands.
    | Killed = 130
    /// A defect of Evo itself; the report says where the full trace was written.
    | Defect = 70
