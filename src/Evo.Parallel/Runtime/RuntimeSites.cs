namespace Evo.Parallel;

/// <summary>
/// The places of the runtime where ranks talk: negative numbers, beside the positive ones of emitted code and those of
/// <see cref="OptimizerSites"/>. Messages, flight records and mutants know a collective by them.
/// </summary>
public static class RuntimeSites
{
    /// <summary>An activation from stage to stage; backward: its gradient.</summary>
    public const int Activation = -20;

    /// <summary>Router statistics beside it; backward: their gradient.</summary>
    public const int Statistics = -21;

    /// <summary>The gradient of a table that the first and the last stage share.</summary>
    public const int Tied = -22;

    /// <summary>What the batches of all data-parallel ranks hold, their labels above all.</summary>
    public const int Batch = -23;

    /// <summary>The loss of a step.</summary>
    public const int Loss = -24;

    /// <summary>The norm of all gradients.</summary>
    public const int Norm = -25;

    /// <summary>Whole tensors for a checkpoint.</summary>
    public const int Whole = -26;

    /// <summary>The first rank has done what only it does, or all have come so far.</summary>
    public const int Together = -27;

    /// <summary>The loss of a validation.</summary>
    public const int Validation = -28;

    /// <summary>The bytes of each kind that ranks hold.</summary>
    public const int Memory = -29;

    /// <summary>The times of the steps of a pipeline's ranks.</summary>
    public const int Times = -30;
}
