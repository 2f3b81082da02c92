export { OpenApiDocuments } from './openapi-documents.js';
export { openApiRoutes } from './routes.js';
