// nn.functional: losses. The reduction is the mean unless told otherwise.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static partial class functional
        {
            /// <summary>-log softmax(input) at the target class. input [N, C, ...], target [N, ...] of classes or [N, C, ...] of probabilities.</summary>
            /// <param name="input">Scores, not normalized.</param>
            /// <param name="target">Classes (int64) or probabilities.</param>
            /// <param name="weight">One weight a class.</param>
            /// <param name="ignore_index">A class that does not count.</param>
            /// <param name="reduction">How the elements are put together.</param>
            /// <param name="label_smoothing">The share of probability spread evenly over all classes.</param>
            public static Tensor cross_entropy(Tensor input, Tensor target, Tensor? weight = null, long ignore_index = -100, Reduction reduction = Reduction.Mean, double label_smoothing = 0.0) =>
                Aten.cross_entropy_loss(input, target, weight, (long)reduction, ignore_index, label_smoothing);

            /// <summary>Minus the input (log probabilities) at the target class.</summary>
            public static Tensor nll_loss(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean) =>
                Aten.nll_loss_nd(input, target, weight, (long)reduction, -100);

            /// <summary>Squared difference.</summary>
            public static Tensor mse_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) => Aten.mse_loss(input, target, (long)reduction);

            /// <summary>Absolute difference.</summary>
            public static Tensor l1_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) => Aten.l1_loss(input, target, (long)reduction);

            /// <summary>Squared difference over 2·beta below beta, absolute difference - beta / 2 above.</summary>
            public static Tensor smooth_l1_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean, double beta = 1.0) =>
                Aten.smooth_l1_loss(input, target, (long)reduction, beta);

            /// <summary>Half the squared difference below delta, delta · (absolute difference - delta / 2) above.</summary>
            public static Tensor huber_loss(Tensor input, Tensor target, double delta = 1.0, Reduction reduction = Reduction.Mean) =>
                Aten.huber_loss(input, target, (long)reduction, delta);

            /// <summary>-target · log(input) - (1 - target) · log(1 - input); input of probabilities.</summary>
            public static Tensor binary_cross_entropy(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean) =>
                Aten.binary_cross_entropy(input, target, weight, (long)reduction);

            /// <summary>binary_cross_entropy of sigmoid(input), without overflow.</summary>
            public static Tensor binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean, Tensor? pos_weights = null) =>
                Aten.binary_cross_entropy_with_logits(input, target, weight, pos_weights, (long)reduction);

            /// <summary>target · (log target - input), input of log probabilities, target too where log_target.</summary>
            public static Tensor kl_div(Tensor input, Tensor target, bool log_target = true, Reduction reduction = Reduction.Mean) =>
                Aten.kl_div(input, target, (long)reduction, log_target: log_target);

            /// <summary>exp(input) - target · input, or without exp and with log where log_input is false.</summary>
            public static Tensor poisson_nll_loss(Tensor input, Tensor target, bool log_input = true, bool full = false, float eps = 1e-8f, Reduction reduction = Reduction.Mean) =>
                Aten.poisson_nll_loss(input, target, log_input, full, eps, (long)reduction);

            /// <summary>1 - cosine where the target is 1, max(0, cosine - margin) where it is -1.</summary>
            public static Tensor cosine_embedding_loss(Tensor input1, Tensor input2, Tensor target, double margin = 0.0, Reduction reduction = Reduction.Mean) =>
                Aten.cosine_embedding_loss(input1, input2, target, margin, (long)reduction);

            /// <summary>x where the target is 1, max(0, margin - x) where it is -1.</summary>
            public static Tensor hinge_embedding_loss(Tensor input, Tensor target, double margin = 0.0, Reduction reduction = Reduction.Mean) =>
                Aten.hinge_embedding_loss(input, target, margin, (long)reduction);

            /// <summary>max(0, -target · (input1 - input2) + margin).</summary>
            public static Tensor margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, double margin = 0.0, Reduction reduction = Reduction.Mean) =>
                Aten.margin_ranking_loss(input1, input2, target, margin, (long)reduction);

            /// <summary>log(1 + exp(-target · input)).</summary>
            public static Tensor soft_margin_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) =>
                Aten.soft_margin_loss(input, target, (long)reduction);

            /// <summary>max(0, |anchor - positive| - |anchor - negative| + margin), norms of degree p.</summary>
            public static Tensor triplet_margin_loss(Tensor anchor, Tensor positive, Tensor negative, double margin = 1.0, long p = 2, double eps = 1e-06, bool swap = false, Reduction reduction = Reduction.Mean) =>
                Aten.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, (long)reduction);
        }
    }
}
