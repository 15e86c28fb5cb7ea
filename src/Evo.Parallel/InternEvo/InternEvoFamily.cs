using Evo.Data;

namespace Evo.Parallel;

/// <summary>How InternEvo lays out the attention of a family, where versions and settings do not say otherwise.</summary>
/// <param name="Name">The family.</param>
/// <param name="Fused">Whether queries, keys and values are one matrix.</param>
/// <param name="Blocks">
/// How rows of that one lie: true, all queries, then all keys, then all values, of a tensor-parallel rank its own; false, for each
/// key-value head its queries, its key, its value.
/// </param>
/// <param name="OncePairs">Whether versions that write neither qk_interleaved nor adapt_hf have the rows of a head in pairs.</param>
internal sealed record InternEvoFamily(string Name, bool Fused, bool Blocks, bool OncePairs)
{
    private static readonly InternEvoFamily[] All =
    [
        new("INTERNLM", Fused: true, Blocks: true, OncePairs: false),
        new("INTERNLM2", Fused: true, Blocks: false, OncePairs: false),
        new("INTERNLM3", Fused: false, Blocks: false, OncePairs: false),
        new("LLAMA2", Fused: false, Blocks: false, OncePairs: true),
        new("QWEN2", Fused: false, Blocks: false, OncePairs: false),
        new("GEMMA", Fused: false, Blocks: false, OncePairs: false),
        new("BAICHUAN2", Fused: true, Blocks: true, OncePairs: false),
        new("MIXTRALMOE", Fused: false, Blocks: false, OncePairs: false),
        new("QWEN2MOE", Fused: false, Blocks: false, OncePairs: false),
        new("INTERNLM_MoE", Fused: true, Blocks: true, OncePairs: false),
    ];

    /// <summary>The family of that name.</summary>
    /// <exception cref="DataException">InternEvo trains none of it.</exception>
    internal static InternEvoFamily Of(string folder, string name) => All.FirstOrDefault(family => family.Name == name)
        ?? throw new DataException(folder, $"the configuration's model is of the family {name}",
            $"InternEvo trains {string.Join(", ", All.Select(family => family.Name))}", "give the configuration that the checkpoint was trained with");

    /// <summary>The family as the settings beside a checkpoint have it.</summary>
    internal InternEvoFamily With(TorchSettings? settings) => this with { Fused = settings?.Flag("enable_qkv_fusion") ?? Fused };

    /// <summary>
    /// Whether the rows of each query and key head lie in pairs, which turn against each other, where Hugging Face has halves that do.
    /// </summary>
    /// <param name="folder">The checkpoint, for the message.</param>
    /// <param name="settings">What lies beside it.</param>
    /// <param name="said">What a person said.</param>
    /// <exception cref="DataException">Nothing says, and versions differ.</exception>
    internal bool Pairs(string folder, TorchSettings? settings, bool? said) =>
        said ?? settings?.Flag("qk_interleaved") ?? !settings?.Flag("adapt_hf")
        ?? (settings is not null || !OncePairs ? OncePairs
            : throw new DataException(folder, $"it holds no {InternEvoFiles.SettingsFile}, which says whether rows of queries and keys lie in pairs",
                $"it must be known: older versions of InternEvo have them so in {Name}, newer ones not",
                "say ckpt.load_ckpt_info.qk_interleaved, true or false; evo convert has --qk-interleaved"));
}
