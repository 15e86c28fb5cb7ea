// nn.functional: linear maps, embeddings, norms, dropout, padding, distances, attention.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static partial class functional
        {
            /// <summary>input @ weightsᵀ + bias; weights [out, in], input [..., in].</summary>
            public static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null) => Aten.linear(input, weights, bias);

            /// <summary>input1ᵀ · weight · input2 + bias; weight [out, in1, in2].</summary>
            public static Tensor bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias = null) => Aten.bilinear(input1, input2, weight, bias);

            /// <summary>A new last dimension: 1 at the index of each element, zeros elsewhere; num_classes -1 means the largest index + 1.</summary>
            public static Tensor one_hot(Tensor x, long num_classes = -1) => Aten.one_hot(x, num_classes);

            /// <summary>(x - mean) / √(variance + eps) over the last dimensions, times weight, plus bias.</summary>
            public static Tensor layer_norm(Tensor input, long[] normalized_shape, Tensor? weight = null, Tensor? bias = null, double eps = 1e-5) =>
                Aten.layer_norm(input, normalized_shape, weight, bias, eps);

            /// <summary>Normalized over groups of channels: input [N, C, ...].</summary>
            public static Tensor group_norm(Tensor input, long num_groups, Tensor? weight = null, Tensor? bias = null, double eps = 1e-5) =>
                Aten.group_norm(input, num_groups, weight, bias, eps);

            /// <summary>Normalized over the batch, channel by channel: input [N, C, ...]; running statistics are updated in training.</summary>
            public static Tensor batch_norm(Tensor input, Tensor running_mean, Tensor running_var, Tensor? weight = null, Tensor? bias = null, bool training = false, double momentum = 0.1, double eps = 1e-5) =>
                Aten.batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, true);

            /// <summary>Normalized over each instance and channel: input [N, C, ...].</summary>
            public static Tensor instance_norm(Tensor input, Tensor? running_mean = null, Tensor? running_var = null, Tensor? weight = null, Tensor? bias = null, bool use_input_stats = true, double momentum = 0.1, double eps = 1e-5) =>
                Aten.instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, true);

            /// <summary>Zero with probability p, else times 1 / (1 - p); the input itself unless training.</summary>
            public static Tensor dropout(Tensor input, double p = 0.5, bool training = true, bool inplace = false) =>
                inplace ? Aten.dropout_(input, p, training).alias() : Aten.dropout(input, p, training);

            /// <summary>Dropout of whole channels of [N, C, L] (or [C, L]).</summary>
            public static Tensor dropout1d(Tensor input, double p = 0.5, bool training = true, bool inplace = false)
            {
                if (input.ndim == 3) return dropout2d(input, p, training, inplace);
                using var batch = input.unsqueeze(0);
                using var dropped = dropout2d(batch, p, training, inplace);
                return dropped.squeeze(0);
            }

            /// <summary>Dropout of whole channels of [N, C, H, W].</summary>
            public static Tensor dropout2d(Tensor input, double p = 0.5, bool training = true, bool inplace = false) =>
                inplace ? Aten.feature_dropout_(input, p, training).alias() : Aten.feature_dropout(input, p, training);

            /// <summary>Dropout of whole channels of [N, C, D, H, W].</summary>
            public static Tensor dropout3d(Tensor input, double p = 0.5, bool training = true, bool inplace = false) =>
                dropout2d(input, p, training, inplace);

            /// <summary>Dropout that keeps mean and variance of selu networks.</summary>
            public static Tensor alpha_dropout(Tensor input, double p = 0.5, bool training = false, bool inplace = false) =>
                inplace ? Aten.alpha_dropout_(input, p, training).alias() : Aten.alpha_dropout(input, p, training);

            /// <summary>Alpha dropout of whole channels.</summary>
            public static Tensor feature_alpha_dropout(Tensor input, double p = 0.5, bool training = false, bool inplace = false) =>
                inplace ? Aten.feature_alpha_dropout_(input, p, training).alias() : Aten.feature_alpha_dropout(input, p, training);

            /// <summary>x over its norm of degree p along a dimension (at least eps).</summary>
            public static Tensor normalize(Tensor input, double p = 2.0, long dim = 1L, double eps = 1e-12)
            {
                using var norm = Aten.norm_ScalarOpt_dim(input, p, [dim], true);
                using var floor = norm.clamp_min(eps);
                return input.div(floor);
            }

            /// <summary>Cosine of the angle between two tensors along a dimension.</summary>
            public static Tensor cosine_similarity(Tensor x1, Tensor x2, long dim = 1, double eps = 1e-8) => Aten.cosine_similarity(x1, x2, dim, eps);

            /// <summary>Norm of degree p of the difference, along the last dimension.</summary>
            public static Tensor pairwise_distance(Tensor input1, Tensor input2, double p = 2.0, double eps = 1e-6, bool keepdim = false) =>
                Aten.pairwise_distance(input1, input2, p, eps, keepdim);

            /// <summary>Padded on both sides of the last dimension by the same number.</summary>
            public static Tensor pad(Tensor input, long pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                functional.pad(input, [pad, pad], mode, value);

            /// <summary>Padded on the two sides of the last dimension.</summary>
            public static Tensor pad(Tensor input, (long, long) pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                functional.pad(input, [pad.Item1, pad.Item2], mode, value);

            /// <summary>Padded on the two sides of the last dimension, then of the one before it.</summary>
            public static Tensor pad(Tensor input, (long, long, long, long) pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                functional.pad(input, [pad.Item1, pad.Item2, pad.Item3, pad.Item4], mode, value);

            /// <summary>Padded by pairs, the last dimension first.</summary>
            public static Tensor pad(Tensor input, long[] pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                functional.pad(input, (ReadOnlySpan<long>)pad, mode, value);

            /// <summary>Padded by pairs, the last dimension first; negative numbers cut.</summary>
            public static Tensor pad(Tensor input, ReadOnlySpan<long> pad, PaddingModes mode = PaddingModes.Constant, double value = 0) => mode switch
            {
                PaddingModes.Constant or PaddingModes.Zeros => Aten.constant_pad_nd(input, pad, mode == PaddingModes.Zeros ? 0 : value),
                _ => Aten.pad(input, pad, mode.ToString().ToLowerInvariant(), null),
            };

            /// <summary>softmax(query @ keyᵀ / √(head size) + mask) @ value; tensors [..., T, head size].</summary>
            /// <param name="query">[..., T, E].</param>
            /// <param name="key">[..., S, E].</param>
            /// <param name="value">[..., S, F].</param>
            /// <param name="attn_mask">Added to the scores, or (bool) true where attention is allowed; broadcast to [..., T, S].</param>
            /// <param name="p">Dropout of the probabilities.</param>
            /// <param name="is_casual">Query i sees keys 0 … i only; no mask may be given then.</param>
            public static Tensor scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask = null, double p = 0.0, bool is_casual = false)
            {
                if (is_casual && attn_mask is not null) throw new ArgumentException("Give a mask or is_casual, not both.", nameof(is_casual));
                using var scope = NewDisposeScope();
                var scores = query.matmul(key.transpose(-2, -1)).mul(1 / Math.Sqrt(query.size(-1)));
                if (is_casual)
                {
                    var later = ones(query.size(-2), key.size(-2), ScalarType.Bool, query.device).triu(1);
                    scores = scores.masked_fill(later, double.NegativeInfinity);
                }
                else if (attn_mask is not null)
                {
                    scores = attn_mask.dtype == ScalarType.Bool
                        ? scores.masked_fill(attn_mask.logical_not(), double.NegativeInfinity)
                        : scores.add(attn_mask);
                }
                var probabilities = scores.softmax(-1);
                if (p > 0) probabilities = dropout(probabilities, p);
                return probabilities.matmul(value).MoveToOuterDisposeScope();
            }

            /// <summary>Channels to space: [N, C·r², H, W] to [N, C, H·r, W·r].</summary>
            public static Tensor pixel_shuffle(Tensor input, long upscale_factor) => Aten.pixel_shuffle(input, upscale_factor);

            /// <summary>Space to channels, the inverse of pixel_shuffle.</summary>
            public static Tensor pixel_unshuffle(Tensor input, long downscale_factor) => Aten.pixel_unshuffle(input, downscale_factor);
        }
    }
}
