using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// Where the sequences of a packed row begin, sent to where its tokens are once for all layers. Sequences may be empty, at the end above
/// all, so that rows with different numbers of them have one shape.
/// </summary>
/// <param name="Borders">int32, rising from 0 to the row's length.</param>
/// <param name="Longest">Tokens of the longest sequence, or more; kernels are launched for as many.</param>
public sealed record SentBorders(Tensor Borders, long Longest);
