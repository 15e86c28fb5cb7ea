using System.Text.Json.Nodes;

namespace Evo.Models;

/// <summary>
/// Keys that transformers writes into any config.json and that change nothing about what a model computes: identity, token
/// ids, generation defaults, output switches, labels of other tasks.
/// </summary>
public static class NeutralKeys
{
    private static readonly HashSet<string> Keys = new(StringComparer.Ordinal)
    {
        // Identity and provenance.
        "_name_or_path", "_commit_hash", "_from_model_config", "transformers_version", "auto_map", "torch_dtype", "dtype", "torchscript", "custom_pipelines",
        // Which attention kernel transformers should take; all compute the same attention.
        "attn_implementation", "_attn_implementation", "_attn_implementation_autoset", "_attn_implementation_internal",
        // Tokens.
        "bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "sep_token_id", "decoder_start_token_id",
        "forced_bos_token_id", "forced_eos_token_id", "tokenizer_class", "prefix",
        // What a forward returns, and whether it keeps a cache.
        "use_cache", "output_attentions", "output_hidden_states", "return_dict", "output_scores", "return_dict_in_generate", "use_return_dict",
        // Generation defaults.
        "bad_words_ids", "begin_suppress_tokens", "suppress_tokens", "diversity_penalty", "do_sample", "early_stopping",
        "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "length_penalty", "max_length", "max_new_tokens", "min_length",
        "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences", "remove_invalid_values",
        "repetition_penalty", "temperature", "top_k", "top_p", "typical_p", "generation_config",
        // Other tasks than language modelling.
        "finetuning_task", "id2label", "label2id", "num_labels", "problem_type", "task_specific_params", "classifier_dropout",
        // Ways to cut up the same computation.
        "chunk_size_feed_forward", "gradient_checkpointing",
        // What was set while training elsewhere.
        "tf_legacy_loss", "use_bfloat16",
    };

    // Switches for other kinds of model: written as off into many files.
    private static readonly HashSet<string> Off = new(StringComparer.Ordinal)
    {
        "is_encoder_decoder", "is_decoder", "add_cross_attention", "tie_encoder_decoder", "cross_attention_hidden_size", "pruned_heads",
        "quantization_config",
    };

    /// <summary>Whether the key may stand in a file only as a switch that is off.</summary>
    public static bool MustBeOff(string key) => Off.Contains(key);

    /// <summary>null, false, or an empty object.</summary>
    public static bool IsOff(JsonNode? value) =>
        value is null or JsonObject { Count: 0 } || (value is JsonValue v && v.TryGetValue<bool>(out var on) && !on);

    /// <summary>Whether the key is neutral for every family.</summary>
    public static bool Contains(string key) => Keys.Contains(key);
}
