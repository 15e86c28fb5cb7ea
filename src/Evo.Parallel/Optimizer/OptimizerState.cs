namespace Evo.Parallel;

/// <summary>What an optimizer keeps for each parameter.</summary>
public enum StateKind
{
    /// <summary>The weights that the model computes with.</summary>
    Weight,

    /// <summary>The gradient of the step: summed over all ranks after <see cref="ShardedOptimizer.Finish"/>.</summary>
    Gradient,

    /// <summary>The weights that the update is applied to; those of the model where the dtypes agree.</summary>
    Master,

    /// <summary>AdamW's running mean of gradients.</summary>
    ExpAvg,

    /// <summary>AdamW's running mean of squared gradients.</summary>
    ExpAvgSq,
}

/// <summary>Bytes that the tensors of one rank's optimizer occupy, counted from the tensors themselves.</summary>
/// <param name="Parameters">Weights in the model's dtype.</param>
/// <param name="Gradients">Gradients.</param>
/// <param name="OptimizerState">Both moments.</param>
/// <param name="Master">Master weights.</param>
/// <param name="Gathered">Weights of fully sharded blocks that are whole now.</param>
/// <param name="PeakGathered">The most of those at one time since the step began.</param>
public readonly record struct OptimizerBytes(
    long Parameters, long Gradients, long OptimizerState, long Master, long Gathered, long PeakGathered)
{
    /// <summary>All that stays for as long as training lasts.</summary>
    public long Kept => Parameters + Gradients + OptimizerState + Master;
}
