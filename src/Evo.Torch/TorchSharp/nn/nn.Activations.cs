// nn: how activations, dropout and losses are made.

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>Dropout that keeps mean and variance of selu networks.</summary>
        public static Modules.AlphaDropout AlphaDropout(double p = 0.5, bool inplace = false) => new(p, inplace);

        /// <summary>Cross entropy of probabilities of a yes.</summary>
        public static Modules.BCELoss BCELoss(Tensor? weight = null, Reduction reduction = Reduction.Mean) => new(weight, reduction);

        /// <summary>Cross entropy of sigmoid(input) as probabilities of a yes.</summary>
        public static Modules.BCEWithLogitsLoss BCEWithLogitsLoss(Tensor? weight = null, Reduction reduction = Reduction.Mean, Tensor? pos_weights = null) => new(weight, reduction, pos_weights);

        /// <summary>max(0, x) + min(0, alpha · (exp(x / alpha) - 1)).</summary>
        public static Modules.CELU CELU(double alpha = 1, bool inplace = false) => new(alpha, inplace);

        /// <summary>1 - cosine at target 1, max(0, cosine - margin) at target -1.</summary>
        public static Modules.CosineEmbeddingLoss CosineEmbeddingLoss(double margin = 0, Reduction reduction = Reduction.Mean) => new(margin, reduction);

        /// <summary>-log softmax(input) at the target class.</summary>
        public static Modules.CrossEntropyLoss CrossEntropyLoss(Tensor? weight = null, long? ignore_index = null, Reduction reduction = Reduction.Mean) => new(weight, ignore_index, reduction);

        /// <summary>Zero with probability p in training, else times 1 / (1 - p).</summary>
        public static Modules.Dropout Dropout(double p = 0.5, bool inplace = false) => new(p, inplace);

        /// <summary>Dropout of whole channels of [N, C, L].</summary>
        public static Modules.Dropout1d Dropout1d(double p = 0.5, bool inplace = false) => new(p, inplace);

        /// <summary>Dropout of whole channels of [N, C, H, W].</summary>
        public static Modules.Dropout2d Dropout2d(double p = 0.5, bool inplace = false) => new(p, inplace);

        /// <summary>Dropout of whole channels of [N, C, D, H, W].</summary>
        public static Modules.Dropout3d Dropout3d(double p = 0.5, bool inplace = false) => new(p, inplace);

        /// <summary>x above zero, alpha · (exp(x) - 1) below.</summary>
        public static Modules.ELU ELU(double alpha = 1, bool inplace = false) => new(alpha, inplace);

        /// <summary>Alpha dropout of whole channels.</summary>
        public static Modules.FeatureAlphaDropout FeatureAlphaDropout(double p = 0.5) => new(p, false);

        /// <summary>Alpha dropout of whole channels.</summary>
        public static Modules.FeatureAlphaDropout FeatureAlphaDropout(double p, bool inplace) => new(p, inplace);

        /// <summary>x · Φ(x), Φ the normal distribution function or its tanh approximation.</summary>
        public static Modules.GELU GELU() => new(Modules.GELU.Approximate.none, false);

        /// <summary>x · Φ(x), Φ the normal distribution function or its tanh approximation.</summary>
        public static Modules.GELU GELU(Modules.GELU.Approximate approximate, bool inplace = false) => new(approximate, inplace);

        /// <summary>x · Φ(x), Φ the normal distribution function or its tanh approximation.</summary>
        public static Modules.GELU GELU(bool inplace) => new(Modules.GELU.Approximate.none, inplace);

        /// <summary>First half times sigmoid of second half, along a dimension.</summary>
        public static Modules.GLU GLU(long dim = -1) => new(dim);

        /// <summary>x where |x| is above lambda, zero elsewhere.</summary>
        public static Modules.Hardshrink Hardshrink(double lambda = 0.5) => new(lambda);

        /// <summary>relu6(x + 3) / 6.</summary>
        public static Modules.Hardsigmoid Hardsigmoid(bool inplace = false) => new(inplace);

        /// <summary>x · relu6(x + 3) / 6.</summary>
        public static Modules.Hardswish Hardswish(bool inplace = false) => new(inplace);

        /// <summary>x limited to [min_val, max_val].</summary>
        public static Modules.Hardtanh Hardtanh(double min_val = -1, double max_val = 1, bool inplace = false) => new(min_val, max_val, inplace);

        /// <summary>x at target 1, max(0, margin - x) at target -1.</summary>
        public static Modules.HingeEmbeddingLoss HingeEmbeddingLoss(double margin = 1, Reduction reduction = Reduction.Mean) => new(margin, reduction);

        /// <summary>Squared difference below delta, absolute above.</summary>
        public static Modules.HuberLoss HuberLoss(double delta = 1, Reduction reduction = Reduction.Mean) => new(delta, reduction);

        /// <summary>target · (log target - input).</summary>
        public static Modules.KLDivLoss KLDivLoss(bool log_target = true, Reduction reduction = Reduction.Mean) => new(log_target, reduction);

        /// <summary>Absolute difference.</summary>
        public static Modules.L1Loss L1Loss(Reduction reduction = Reduction.Mean) => new(reduction);

        /// <summary>x above zero, negative_slope · x below.</summary>
        public static Modules.LeakyReLU LeakyReLU(double negative_slope = 0.01, bool inplace = false) => new(negative_slope, inplace);

        /// <summary>log of sigmoid, without overflow.</summary>
        public static Modules.LogSigmoid LogSigmoid() => new();

        /// <summary>Logarithm of softmax.</summary>
        public static Modules.LogSoftmax LogSoftmax(long dim) => new(dim);

        /// <summary>Squared difference.</summary>
        public static Modules.MSELoss MSELoss(Reduction reduction = Reduction.Mean) => new(reduction);

        /// <summary>max(0, -target · (input1 - input2) + margin).</summary>
        public static Modules.MarginRankingLoss MarginRankingLoss(double margin = 0, Reduction reduction = Reduction.Mean) => new(margin, reduction);

        /// <summary>x · tanh(softplus(x)).</summary>
        public static Modules.Mish Mish() => new(false);

        /// <summary>x · tanh(softplus(x)).</summary>
        public static Modules.Mish Mish(bool inplace) => new(inplace);

        /// <summary>Minus the input (log probabilities) at the target class.</summary>
        public static Modules.NLLLoss NLLLoss(Tensor? weight = null, Reduction reduction = Reduction.Mean) => new(weight, reduction);

        /// <summary>Negative log likelihood of Poisson counts.</summary>
        public static Modules.PoissonNLLLoss PoissonNLLLoss(bool log_input = true, bool full = false, float eps = 1e-08f, Reduction reduction = Reduction.Mean) => new(log_input, full, eps, reduction);

        /// <summary>leaky_relu with the mean of lower and upper as slope.</summary>
        public static Modules.RReLU RReLU(double lower = 0.125, double upper = 1.0 / 3, bool inplace = false) => new(lower, upper, inplace);

        /// <summary>max(x, 0).</summary>
        public static Modules.ReLU ReLU(bool inplace = false) => new(inplace);

        /// <summary>x limited to [0, 6].</summary>
        public static Modules.ReLU6 ReLU6(bool inplace = false) => new(inplace);

        /// <summary>elu with the self-normalizing constants.</summary>
        public static Modules.SELU SELU(bool inplace = false) => new(inplace);

        /// <summary>x · sigmoid(x).</summary>
        public static Modules.SiLU SiLU() => new(false);

        /// <summary>x · sigmoid(x).</summary>
        public static Modules.SiLU SiLU(bool inplace) => new(inplace);

        /// <summary>1 / (1 + exp(-x)).</summary>
        public static Modules.Sigmoid Sigmoid() => new(false);

        /// <summary>1 / (1 + exp(-x)).</summary>
        public static Modules.Sigmoid Sigmoid(bool inplace) => new(inplace);

        /// <summary>Squared difference below beta, absolute above.</summary>
        public static Modules.SmoothL1Loss SmoothL1Loss(Reduction reduction = Reduction.Mean, double beta = 1) => new(reduction, beta);

        /// <summary>log(1 + exp(-target · input)).</summary>
        public static Modules.SoftMarginLoss SoftMarginLoss(Reduction reduction = Reduction.Mean) => new(reduction);

        /// <summary>exp(x) over its sum along a dimension.</summary>
        public static Modules.Softmax Softmax(long dim) => new(dim);

        /// <summary>softmax over the channels of an image.</summary>
        public static Modules.Softmax2d Softmax2d() => new();

        /// <summary>softmax of -x.</summary>
        public static Modules.Softmin Softmin(long dim) => new(dim);

        /// <summary>log(1 + exp(beta · x)) / beta.</summary>
        public static Modules.Softplus Softplus(double beta = 1, double threshold = 20) => new(beta, threshold);

        /// <summary>x moved toward zero by lambda.</summary>
        public static Modules.Softshrink Softshrink(double lambda = 0.5) => new(lambda);

        /// <summary>x / (1 + |x|).</summary>
        public static Modules.Softsign Softsign() => new(false);

        /// <summary>x / (1 + |x|).</summary>
        public static Modules.Softsign Softsign(bool inplace) => new(inplace);

        /// <summary>Hyperbolic tangent.</summary>
        public static Modules.Tanh Tanh() => new(false);

        /// <summary>Hyperbolic tangent.</summary>
        public static Modules.Tanh Tanh(bool inplace = false) => new(inplace);

        /// <summary>x - tanh(x).</summary>
        public static Modules.Tanhshrink Tanhshrink() => new(false);

        /// <summary>x - tanh(x).</summary>
        public static Modules.Tanhshrink Tanhshrink(bool inplace = false) => new(inplace);

        /// <summary>x above the threshold, value elsewhere.</summary>
        public static Modules.Threshold Threshold(double threshold, double value, bool inplace = false) => new(threshold, value, inplace);
    }
}
