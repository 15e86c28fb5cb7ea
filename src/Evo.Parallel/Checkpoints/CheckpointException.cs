namespace Evo.Parallel;

/// <summary>Why a checkpoint could not be written or is not taken.</summary>
public enum CheckpointFault
{
    /// <summary>No checkpoint stands there.</summary>
    Missing,

    /// <summary>A folder without a manifest: never committed, or not made by Evo.</summary>
    NotCommitted,

    /// <summary>A file is missing, shorter or longer than its manifest says, or its bytes have changed.</summary>
    Damaged,

    /// <summary>It belongs to another model.</summary>
    OtherModel,

    /// <summary>The training data is not the data that it was trained on.</summary>
    OtherData,

    /// <summary>The configuration differs in keys that change what the run computes.</summary>
    OtherConfig,

    /// <summary>It could not be written: full disk, no permission.</summary>
    NotWritten,

    /// <summary>The run folder holds checkpoints and the run was told not to continue them.</summary>
    InTheWay,
}

/// <summary>One clear error about a checkpoint: where, what was found, the rule, and what to do next.</summary>
public sealed class CheckpointException : Exception
{
    /// <param name="fault">What kind of fault it is.</param>
    /// <param name="message">Where, found, rule, next step.</param>
    /// <param name="inner">The system's own error, if there was one.</param>
    public CheckpointException(CheckpointFault fault, string message, Exception? inner = null)
        : base(message, inner) => Fault = fault;

    /// <summary>What kind of fault it is.</summary>
    public CheckpointFault Fault { get; }
}
