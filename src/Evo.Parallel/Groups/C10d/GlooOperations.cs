using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>The operations of a group of processors: bytes move, and sums are made here.</summary>
/// <param name="group">The group.</param>
/// <param name="line">Its connections.</param>
internal sealed class GlooOperations(ProcessGroup group, C10dLine line) : C10dOperations(group, line, line, CPU);
