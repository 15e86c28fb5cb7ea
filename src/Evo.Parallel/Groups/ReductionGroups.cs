using Evo.Torch;

namespace Evo.Parallel;

/// <summary>The ranks that hold the same parameters, as two axes: those that share the optimizer's state, and its copies.</summary>
/// <param name="Zero">Ranks that own a shard each.</param>
/// <param name="Replica">Ranks that own the same shard.</param>
public sealed record ReductionGroups(ProcessGroup Zero, ProcessGroup Replica);
