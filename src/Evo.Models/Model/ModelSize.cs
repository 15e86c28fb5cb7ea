namespace Evo.Models;

/// <summary>
/// The sizes of a model by role, read off its parts: a spec may call its properties what it likes.
/// </summary>
/// <param name="VocabSize">Rows of the head.</param>
/// <param name="HiddenSize">Width of the residual stream.</param>
/// <param name="LayerCount">Repeated layers.</param>
/// <param name="HeadCount">Query heads of a layer.</param>
/// <param name="KvHeadCount">Key and value heads of a layer.</param>
/// <param name="HeadSize">Width of one head.</param>
/// <param name="IntermediateSize">Width inside the MLP; 0 where the spec names none.</param>
/// <param name="MaxPositions">Longest sequence the model is made for; 0 where the spec sets none.</param>
/// <param name="GatedMlp">Whether the MLP has a gate beside its up projection, which makes its formula three matrices long.</param>
/// <param name="CacheSlots">Key-value caches that decoding needs: attention parts times layers.</param>
public sealed record ModelSize(
    int VocabSize, int HiddenSize, int LayerCount, int HeadCount, int KvHeadCount, int HeadSize,
    int IntermediateSize, int MaxPositions, bool GatedMlp, int CacheSlots);
